//! From a method and a path to a line of the route table, by API Gateway's rules.

use routes::Route;
use serde_json::{Map, Value};

/// The route, and its path parameters decoded. A literal segment wins over a parameter, from left to right.
pub(super) fn find(method: &str, path: &str) -> Option<(&'static Route, Map<String, Value>)> {
    let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    // A resource is chosen by the path alone; a method that it lacks is not looked for in another.
    let resource = routes::routed()
        .filter(|route| fits(route, &segments))
        .min_by_key(|route| parts(route).map(is_parameter).collect::<Vec<_>>())?
        .path;
    let route =
        routes::routed().find(|route| route.path == resource && route.method.as_str() == method)?;
    let parameters = parts(route)
        .zip(&segments)
        .filter_map(|(part, segment)| Some((parameter(part)?.to_owned(), decoded(segment).into())))
        .collect();
    Some((route, parameters))
}

fn fits(route: &Route, segments: &[&str]) -> bool {
    parts(route).count() == segments.len()
        && parts(route).zip(segments).all(|(part, segment)| {
            if is_parameter(part) {
                !segment.is_empty()
            } else {
                part == *segment
            }
        })
}

fn parts(route: &Route) -> impl Iterator<Item = &'static str> + use<> {
    route.path.split('/').skip(1)
}

fn parameter(part: &str) -> Option<&str> {
    part.strip_prefix('{')?.strip_suffix('}')
}

fn is_parameter(part: &str) -> bool {
    parameter(part).is_some()
}

/// Percent-decoded; bytes that are no UTF-8 are replaced, and a `%` without two digits stays.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let digit = |at: usize| others.get(at).and_then(|byte| (*byte as char).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
                rest = &others[2..];
            }
            _ => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
