//! Objects in a bucket.

use api::{NotReached, Objects};
use aws_config::SdkConfig;
use aws_sdk_s3::{
    Client,
    config::timeout::TimeoutConfig,
    error::{ProvideErrorMetadata, SdkError},
    primitives::ByteStream,
};
use std::{path::Path, sync::Arc, time::Duration};

use crate::{StartError, local, required};

/// A checkpoint of very many owners has some MB.
const TIMEOUT: Duration = Duration::from_secs(8);

/// Of the bucket that an environment variable names.
pub(crate) fn objects(config: &SdkConfig, name: &'static str) -> Result<Objects, StartError> {
    let bucket = required(name)?;
    if let Some(path) = local::file(name, &bucket)? {
        let objects = Objects::in_directory(Path::new(path));
        return objects.map_err(|error| StartError::Unusable(name, error.to_string()));
    }
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(TIMEOUT)
        .operation_timeout(TIMEOUT)
        .build();
    let config = aws_sdk_s3::config::Builder::from(config).timeout_config(timeouts);
    let client = Client::from_conf(config.build());
    let (putting, getting, listing) = (client.clone(), client.clone(), client);
    let (put_to, get_from, list_of) = (bucket.clone(), bucket.clone(), bucket);
    Ok(Objects {
        put_new: Arc::new(move |name, bytes| {
            let request = putting
                .put_object()
                .bucket(&put_to)
                .key(name)
                .if_none_match("*")
                .body(ByteStream::from(bytes));
            Box::pin(async move {
                match request.send().await {
                    Ok(_) => Ok(true),
                    // There is one, or another is being put.
                    Err(error)
                        if is(
                            &error,
                            &["PreconditionFailed", "ConditionalRequestConflict"],
                        ) =>
                    {
                        Ok(false)
                    }
                    Err(error) => Err(not_reached(&error)),
                }
            })
        }),
        get: Arc::new(move |name| {
            let request = getting.get_object().bucket(&get_from).key(name);
            Box::pin(async move {
                match request.send().await {
                    Ok(found) => {
                        let bytes = found.body.collect().await;
                        let cut = |_| NotReached("the object was cut".to_owned());
                        Ok(Some(bytes.map_err(cut)?.to_vec()))
                    }
                    Err(error) if is(&error, &["NoSuchKey"]) => Ok(None),
                    Err(error) => Err(not_reached(&error)),
                }
            })
        }),
        list: Arc::new(move |prefix, after, most| {
            let request = listing
                .list_objects_v2()
                .bucket(&list_of)
                .prefix(prefix)
                .set_start_after(after)
                .max_keys(i32::try_from(most).unwrap_or(1_000));
            Box::pin(async move {
                let page = request.send().await.map_err(|error| not_reached(&error))?;
                let names = page.contents.unwrap_or_default().into_iter();
                Ok(names.filter_map(|object| object.key).collect())
            })
        }),
    })
}

fn is<E: ProvideErrorMetadata>(error: &SdkError<E>, codes: &[&str]) -> bool {
    error.code().is_some_and(|code| codes.contains(&code))
}

/// The code alone.
fn not_reached<E: ProvideErrorMetadata>(error: &SdkError<E>) -> NotReached {
    NotReached(error.code().unwrap_or("no answer").to_owned())
}
