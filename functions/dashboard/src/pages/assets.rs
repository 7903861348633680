//! What pages look like: under names that change with the bytes, so that browsers may keep them.

use lambda_http::{Request, RequestExt};
use routes::{Operation, pages::dashboard::Operation as Page};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

use crate::answer::Answer;

/// A file of the dashboard.
#[derive(Clone, Copy)]
pub(crate) struct Asset {
    stem: &'static str,
    extension: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
}

pub(crate) const STYLE: Asset = Asset {
    stem: "style",
    extension: "css",
    media_type: "text/css; charset=utf-8",
    bytes: include_bytes!("../../assets/style.css"),
};
pub(crate) const SCRIPT: Asset = Asset {
    stem: "script",
    extension: "js",
    media_type: "text/javascript; charset=utf-8",
    bytes: include_bytes!("../../assets/script.js"),
};
pub(crate) const ICON: Asset = Asset {
    stem: "icon",
    extension: "svg",
    media_type: "image/svg+xml",
    bytes: include_bytes!("../../assets/icon.svg"),
};

static NAMED: LazyLock<Vec<(String, Asset)>> = LazyLock::new(|| {
    let named = |asset: Asset| {
        let digest: [u8; 32] = Sha256::digest(asset.bytes).into();
        let version = model::hex(&digest[..6]);
        (
            format!("{}-{version}.{}", asset.stem, asset.extension),
            asset,
        )
    };
    [STYLE, SCRIPT, ICON].map(named).into()
});

/// Where the file is.
pub(crate) fn href(base: &str, asset: Asset) -> String {
    let name = NAMED.iter().find(|(_, known)| known.stem == asset.stem);
    let name = name.map(|(name, _)| name.as_str()).unwrap_or_default();
    format!(
        "{base}{}",
        Page::Asset.route().path.replace("{asset}", name)
    )
}

/// `None` where there is none of that name.
pub(crate) fn answer(request: &Request) -> Option<Answer> {
    let parameters = request.path_parameters_ref();
    let asked = parameters.and_then(|all| all.first("asset"))?;
    let (_, asset) = NAMED.iter().find(|(name, _)| name == asked)?;
    Some(Answer::asset(asset.media_type, asset.bytes))
}
