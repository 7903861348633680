//! From a method and a path to a line of the route table, by API Gateway's rules.

use routes::Route;
use serde_json::{Map, Value};

/// The route, and its path parameters as they were sent. A literal segment wins over a parameter, from left to right; one `/` at the end is not looked at.
pub(super) fn find(method: &str, path: &str) -> Option<(&'static Route, Map<String, Value>)> {
    let path = path.strip_prefix('/')?;
    let segments: Vec<&str> = path.strip_suffix('/').unwrap_or(path).split('/').collect();
    // A resource is chosen by the path alone; a method that it lacks is not looked for in another.
    let resource = routes::routed()
        .filter(|route| fits(route, &segments))
        .min_by_key(|route| parts(route).map(is_parameter).collect::<Vec<_>>())?
        .path;
    let route =
        routes::routed().find(|route| route.path == resource && route.method.as_str() == method)?;
    let parameters = parts(route)
        .zip(&segments)
        .filter_map(|(part, segment)| Some((parameter(part)?.to_owned(), (*segment).into())))
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
