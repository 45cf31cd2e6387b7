use super::*;

fn role(name: &str, trusts_sagemaker: bool) -> RoleSummary {
    RoleSummary {
        name: name.to_owned(),
        arn: format!("arn:aws:iam::111122223333:role/{name}"),
        trusts_sagemaker,
    }
}

fn press(form: &mut Form, codes: &[KeyCode]) {
    for code in codes {
        form.press(KeyPress {
            code: *code,
            ctrl: false,
            alt: false,
            shift: false,
        });
    }
}

fn blank() -> Blank {
    Blank::new("", "")
}

#[test]
fn roles_that_come_late_keep_what_was_chosen() {
    let mut blank = blank();
    let key = blank.roles("Role", &[role("b", true)]);
    let mut form = blank.reading(|_| Ok(Sent::Requests(Vec::new())));
    form.offer_roles(&[role("c", true), role("a", false), role("b", true)]);
    assert_eq!(Filled(&form.fields).role(key), Ok(role("b", true).arn));
    press(&mut form, &[KeyCode::Char('a'), KeyCode::Char('/')]);
    assert_eq!(Filled(&form.fields).role(key), Err("Role is missing".to_owned()));
}

#[test]
fn a_name_that_was_put_forward_is_replaced_by_what_is_typed_and_edited_once_the_caret_was_moved() {
    let last_typed = |codes: &[KeyCode]| {
        let mut blank = blank();
        let name = blank.name("Name", "example-role", "");
        let mut form = blank.reading(|_| Ok(Sent::Requests(Vec::new())));
        press(&mut form, codes);
        Filled(&form.fields).text(name)
    };
    assert_eq!(last_typed(&[]), "example-role");
    assert_eq!(last_typed(&[KeyCode::Char('y'), KeyCode::Char('z')]), "yz");
    assert_eq!(last_typed(&[KeyCode::Backspace, KeyCode::Char('y')]), "y");
    assert_eq!(last_typed(&[KeyCode::End, KeyCode::Char('y')]), "example-roley");
    let mut blank = blank();
    let key = blank.role_typed("Role", &[role("b", true)], &role("a", true).arn);
    let mut form = blank.reading(|_| Ok(Sent::Requests(Vec::new())));
    assert_eq!(Filled(&form.fields).role(key), Ok(role("a", true).arn));
    press(&mut form, &[KeyCode::Char('b')]);
    assert_eq!(Filled(&form.fields).role(key), Ok(role("b", true).arn));
    form.paste("\r\n");
    assert_eq!(Filled(&form.fields).role(key), Ok(role("b", true).arn));
}

#[test]
fn a_whole_arn_may_be_typed_where_roles_cannot_be_listed() {
    let mut blank = blank();
    let key = blank.roles("Role", &[]);
    let mut form = blank.reading(|_| Ok(Sent::Requests(Vec::new())));
    form.paste("arn:aws:iam::111122223333:role/x\r\n");
    assert_eq!(Filled(&form.fields).role_name(key), Ok("x".to_owned()));
}

#[test]
fn arrows_go_through_options_and_on_to_the_next_field() {
    let mut blank = blank();
    let name = blank.text("Name", "", "");
    let operations = blank.checks("Operations", [("Decrypt", true), ("Encrypt", false)]);
    let mut form = blank.reading(|_| Ok(Sent::Requests(Vec::new())));
    press(
        &mut form,
        &[KeyCode::Char('q'), KeyCode::Down, KeyCode::Down, KeyCode::Char(' ')],
    );
    assert_eq!(Filled(&form.fields).names(operations), ["Decrypt", "Encrypt"]);
    assert_eq!(Filled(&form.fields).checked(operations), [true, true]);
    assert_eq!(Filled(&form.fields).text(name), "q");
    press(&mut form, &[KeyCode::Up, KeyCode::Up]);
    assert_eq!(form.focus, 0);
}
