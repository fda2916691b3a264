//! The fields of forms. A form that is refused is shown again with what was typed, and each error at its field.
//! `templates/form.html` shows them.

/// A field of a form.
pub(crate) struct FormField {
    /// Its name in what the browser sends, which is its id on the screen too.
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) hint: Option<String>,
    pub(crate) control: Control,
    pub(crate) is_required: bool,
    /// Why its value is not accepted.
    pub(crate) error: Option<String>,
}

/// What the user fills in.
pub(crate) enum Control {
    /// One line of text.
    Text { value: String },
    /// Several lines of text.
    Lines { value: String },
    /// A secret. What was typed or is stored is never sent back.
    Secret { is_stored: bool },
    /// One of several values.
    Select { choices: Vec<FieldChoice> },
    /// Yes or no.
    Checkbox { is_checked: bool },
    /// A file, of the types that the browser offers first.
    File { types: &'static str },
}

/// A value that a [`Control::Select`] offers.
pub(crate) struct FieldChoice {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) is_chosen: bool,
}

impl FieldChoice {
    /// Returns the choices of values with their labels, the one with the value `chosen` chosen.
    pub(crate) fn among<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>, chosen: &str) -> Vec<Self> {
        let choice = |(value, label): (&str, &str)| Self {
            value: value.to_owned(),
            label: label.to_owned(),
            is_chosen: value == chosen,
        };
        pairs.into_iter().map(choice).collect()
    }
}

impl FormField {
    pub(crate) fn new(name: impl Into<String>, label: impl Into<String>, control: Control) -> Self {
        let (name, label) = (name.into(), label.into());
        Self { name, label, hint: None, control, is_required: false, error: None }
    }

    pub(crate) fn text(name: impl Into<String>, label: impl Into<String>, value: impl Into<String>) -> Self {
        Self::new(name, label, Control::Text { value: value.into() })
    }

    pub(crate) fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn error(mut self, error: Option<String>) -> Self {
        self.error = error;
        self
    }

    /// Returns the ids of the texts that describe the field, for assistive technology.
    pub(crate) fn described_by(&self) -> String {
        let parts = [(self.hint.is_some(), "hint"), (self.error.is_some(), "error")];
        let present = parts.iter().filter(|(is_present, _)| *is_present);
        let ids: Vec<_> = present.map(|(_, part)| format!("{}-{part}", self.name)).collect();
        ids.join(" ")
    }
}

/// Returns the fields of a form that are not accepted.
pub(crate) fn wrong(fields: &[FormField]) -> Vec<&FormField> {
    fields.iter().filter(|field| field.error.is_some()).collect()
}

#[cfg(test)]
mod tests {
    use askama::Template;

    use super::*;

    #[derive(Template)]
    #[template(
        source = "{% import \"form.html\" as form %}{% call form::errors(fields) %}{% endcall %}\
                  {% for field in fields %}{% call form::field(field) %}{% endcall %}{% endfor %}",
        ext = "html"
    )]
    struct Form {
        fields: Vec<FormField>,
    }

    #[test]
    fn a_refused_field_is_shown_with_what_was_typed_and_why() {
        let fields = vec![
            FormField::text("domain", "Domain", "<b>")
                .required()
                .hint("Without a path.")
                .error(Some("no host".to_owned())),
            FormField::new("api-key", "API key", Control::Secret { is_stored: true }),
            FormField::new(
                "region",
                "Region",
                Control::Select { choices: FieldChoice::among([("us", "US"), ("eu", "EU")], "eu") },
            ),
            FormField::new("agree", "Agree", Control::Checkbox { is_checked: true }),
            FormField::new("file", "Component", Control::File { types: ".wasm" }),
            FormField::new("note", "Note", Control::Lines { value: "one\ntwo".to_owned() }),
        ];
        let html = Form { fields }.render().unwrap();
        for part in [
            r##"<a href="#domain">Domain</a>: no host"##,
            r#"value="&#60;b&#62;""#,
            r#"id="domain" name="domain" required aria-invalid="true" aria-describedby="domain-hint domain-error""#,
            r#"<p class="wrong" id="domain-error">no host</p>"#,
            r#"placeholder="stored; leave empty to keep it" id="api-key""#,
            r#"<option value="eu" selected>EU</option>"#,
            r#"id="agree" name="agree" checked"#,
            r#"accept=".wasm""#,
            ">one\ntwo</textarea>",
        ] {
            assert!(html.contains(part), "no {part} in {html}");
        }
    }
}
