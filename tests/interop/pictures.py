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
            if cell.data.strip():
                draw.text((left, top), cell.data, fill=ink, font=fonts[cell.bold])
            if cell.underscore:
                draw.line((left, top + height - 2, left + width - 1, top + height - 2), fill=ink)
    picture.save(path, optimize=True)
