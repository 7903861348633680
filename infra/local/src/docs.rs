//! `GET /docs` and `GET /openapi.json`: the public document, as JSON and as a page without a script.

use anyhow::Context;
use serde_json::Value;
use std::fmt::Write;

use crate::{
    html::escaped,
    message::{HttpRequest, HttpResponse},
};

const DOCUMENT: &str = include_str!("../../openapi.json");
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The rendered page.
#[derive(Debug, Clone)]
pub(crate) struct Docs {
    page: String,
}

impl Docs {
    pub(crate) fn read() -> anyhow::Result<Docs> {
        let document: Value = serde_json::from_str(DOCUMENT).context("infra/openapi.json")?;
        let mut page = String::new();
        render(&document, &mut page).context("the page of infra/openapi.json")?;
        Ok(Docs { page })
    }

    /// `None` where the request is for neither.
    pub(crate) fn handle(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let response = match (request.method.as_str(), request.path.as_str()) {
            ("GET" | "HEAD", "/docs") => {
                HttpResponse::new(200, "text/html; charset=utf-8", self.page.as_str())
            }
            ("GET" | "HEAD", "/openapi.json") => {
                HttpResponse::new(200, "application/json", DOCUMENT)
            }
            _ => return None,
        };
        let policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";
        Some(
            response
                .with("content-security-policy", policy)
                .with("x-content-type-options", "nosniff")
                .with("referrer-policy", "no-referrer"),
        )
    }
}

fn render(document: &Value, page: &mut String) -> std::fmt::Result {
    let title = text(&document["info"]["title"]);
    write!(
        page,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><main><h1>{title}</h1><p class=\"prose\">{}</p>\
         <p><a href=\"/openapi.json\">openapi.json</a></p><nav><ul>",
        text(&document["info"]["description"]),
    )?;
    let operations = operations(document);
    for (method, path, operation) in &operations {
        let id = text(&operation["operationId"]);
        let summary = text(&operation["summary"]);
        write!(
            page,
            "<li><a href=\"#{id}\"><code>{method} {}</code></a> {summary}",
            escaped(path)
        )?;
    }
    page.push_str("<li><a href=\"#schemas\">Schemas</a></ul></nav>");
    for (method, path, operation) in &operations {
        render_operation(document, method, path, operation, page)?;
    }
    page.push_str("<h2 id=\"schemas\">Schemas</h2>");
    for (name, schema) in members(&document["components"]["schemas"]) {
        let name = escaped(name);
        write!(
            page,
            "<details id=\"schema-{name}\"><summary><code>{name}</code></summary>{}</details>",
            code(schema)
        )?;
    }
    page.push_str("</main></html>");
    Ok(())
}

fn render_operation(
    document: &Value,
    method: &str,
    path: &str,
    operation: &Value,
    page: &mut String,
) -> std::fmt::Result {
    write!(
        page,
        "<section id=\"{}\"><h2><code>{method} {}</code></h2><p><strong>{}</strong></p><p class=\"prose\">{}</p>",
        text(&operation["operationId"]),
        escaped(path),
        text(&operation["summary"]),
        text(&operation["description"]),
    )?;
    let parameters = [
        &document["paths"][path]["parameters"],
        &operation["parameters"],
    ];
    let mut parameters = parameters
        .into_iter()
        .flat_map(items)
        .map(|parameter| resolved(document, parameter))
        .peekable();
    if parameters.peek().is_some() {
        page.push_str("<table><tr><th>Parameter<th>Meaning");
        for parameter in parameters {
            let required = if parameter["required"] == true {
                ", required"
            } else {
                ""
            };
            write!(
                page,
                "<tr><td><code>{}</code><br>{}{required}<td><p>{}</p><code>{}</code>",
                text(&parameter["name"]),
                text(&parameter["in"]),
                text(&parameter["description"]),
                escaped(&parameter["schema"].to_string()),
            )?;
        }
        page.push_str("</table>");
    }
    let body = resolved(document, &operation["requestBody"]);
    if !body.is_null() {
        page.push_str("<h3>Body</h3>");
        render_content(body, page)?;
    }
    page.push_str("<h3>Answers</h3>");
    for (status, response) in members(&operation["responses"]) {
        let response = resolved(document, response);
        let description = text(&response["description"]);
        write!(
            page,
            "<details><summary><code>{}</code> {description}</summary>",
            escaped(status)
        )?;
        render_content(response, page)?;
        page.push_str("</details>");
    }
    page.push_str("</section>");
    Ok(())
}

/// Examples before schemas.
fn render_content(holder: &Value, page: &mut String) -> std::fmt::Result {
    for (media, content) in members(&holder["content"]) {
        write!(page, "<p><code>{}</code></p>", escaped(media))?;
        if let Some(example) = content.get("example") {
            page.push_str(&code(example));
        }
        for (name, example) in members(&content["examples"]) {
            write!(page, "<p>{}</p>{}", escaped(name), code(&example["value"]))?;
        }
        if let Some(schema) = content.get("schema") {
            write!(
                page,
                "<details><summary>Schema</summary>{}</details>",
                code(schema)
            )?;
        }
    }
    Ok(())
}

fn operations(document: &Value) -> Vec<(String, &str, &Value)> {
    let mut operations = Vec::new();
    for (path, item) in members(&document["paths"]) {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                operations.push((method.to_ascii_uppercase(), path, operation));
            }
        }
    }
    operations
}

/// What a `$ref` inside the document stands for.
fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let target = value["$ref"]
        .as_str()
        .and_then(|reference| document.pointer(reference.strip_prefix('#')?));
    target.unwrap_or(value)
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value))
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    escaped(value.as_str().unwrap_or_default())
}

fn code(value: &Value) -> String {
    format!("<pre>{}</pre>", escaped(&format!("{value:#}")))
}

const STYLE: &str = "body{background:Canvas;color:CanvasText;font:1rem/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}\
    code,pre{font-family:ui-monospace,monospace;font-size:.9em}\
    pre{background:#8881;padding:.75rem;overflow:auto}\
    code,td{overflow-wrap:anywhere}table{border-collapse:collapse;width:100%}td,th{border:1px solid #8886;padding:.25rem .5rem;text-align:left;vertical-align:top}\
    th:first-child{width:14rem}td p{margin:0}\
    @media(max-width:40rem){table,tbody,tr,td{display:block}th{display:none}td+td{border-top:0;margin-bottom:.5rem}}\
    section{border-top:1px solid #8886;margin-top:2rem}.prose{white-space:pre-line}\
    nav ul{list-style:none;padding:0}:root{color-scheme:light dark}";
