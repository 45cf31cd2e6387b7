"""A terminal's screen as a picture: each cell's character in its colours."""

import subprocess

from PIL import Image, ImageDraw, ImageFont

SIZE = 15
INK, PAPER = "#e6e6e6", "#111116"
# The sixteen colours of a terminal by the names that the emulator gives them; others come as hexadecimal digits.
NAMED = {
    "black": "#1c1c22",
    "red": "#e0443e",
    "green": "#35c759",
    "brown": "#e0b03a",
    "blue": "#5c8dff",
    "magenta": "#c678dd",
    "cyan": "#2ec4c4",
    "white": "#d0d0d0",
    "brightblack": "#8a8a94",
    "brightred": "#ff6b66",
    "brightgreen": "#5ee07f",
    "brightbrown": "#ffd866",
    "brightblue": "#86aaff",
    "brightmagenta": "#e39bf5",
    "brightcyan": "#6fe6e6",
    "brightwhite": "#ffffff",
}


def _font(style):
    """A font of equal widths with lines and arrows in it, as the system has one."""
    wanted = f"DejaVu Sans Mono:style={style}"
    found = subprocess.run(["fc-match", "-f", "%{file}", wanted], capture_output=True, text=True, check=True)
    return ImageFont.truetype(found.stdout, SIZE)


def _colour(name, otherwise):
    if name == "default":
        return otherwise
    return NAMED.get(name, f"#{name}")


# Dots of a braille cell by the bits of its character: column and row.
DOTS = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]


def _braille(draw, sign, corner, size, ink):
    """The dots of a curve, which few fonts have."""
    (left, top), (width, height) = corner, size
    for bit, (column, row) in enumerate(DOTS):
        if ord(sign) - 0x2800 >> bit & 1:
            x, y = left + width * (1 + 2 * column) // 4, top + height * (1 + 2 * row) // 8
            draw.rectangle((x - 1, y - 1, x, y), fill=ink)


def save(screen, path):
    """Writes what a `pyte.Screen` shows as a PNG."""
    fonts = {bold: _font("Bold" if bold else "Book") for bold in (False, True)}
    width = round(fonts[False].getlength("M"))
    # Lines of frames meet where rows are as high as the font says.
    height = sum(fonts[False].getmetrics())
    picture = Image.new("RGB", (width * screen.columns, height * screen.lines), PAPER)
    draw = ImageDraw.Draw(picture)
    for row in range(screen.lines):
        for column in range(screen.columns):
            cell = screen.buffer[row][column]
            ink, paper = _colour(cell.fg, INK), _colour(cell.bg, PAPER)
            if cell.reverse:
                ink, paper = paper, ink
            left, top = column * width, row * height
            if paper != PAPER:
                draw.rectangle((left, top, left + width - 1, top + height - 1), fill=paper)
            if "\u2800" <= cell.data <= "\u28ff":
                _braille(draw, cell.data, (left, top), (width, height), ink)
            elif cell.data.strip():
                draw.text((left, top), cell.data, fill=ink, font=fonts[cell.bold])
            if cell.underscore:
                draw.line((left, top + height - 2, left + width - 1, top + height - 2), fill=ink)
    picture.save(path, optimize=True)
