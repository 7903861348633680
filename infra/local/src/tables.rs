//! The tables of the stack, made in the engine as the template makes them in AWS.

use anyhow::Context;
use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
        LocalSecondaryIndex, Projection, ProjectionType, ScalarAttributeType, StreamSpecification,
        StreamViewType, TimeToLiveSpecification,
    },
};
use store::TableDefinition;

/// Makes the tables that are missing.
pub(crate) async fn create_missing(
    client: &Client,
    definitions: &[TableDefinition],
) -> anyhow::Result<()> {
    let existing = client
        .list_tables()
        .send()
        .await
        .context("tables can't be listed")?;
    for definition in definitions {
        if !existing.table_names().contains(&definition.name) {
            create(client, definition)
                .await
                .with_context(|| format!("table {}", definition.name))?;
        }
    }
    Ok(())
}

async fn create(client: &Client, definition: &TableDefinition) -> anyhow::Result<()> {
    let TableDefinition {
        name,
        streamed,
        ttl,
        local_index,
        global_index,
    } = definition;
    let mut table = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(text("pk")?)
        .attribute_definitions(text("sk")?)
        .key_schema(key("pk", KeyType::Hash)?)
        .key_schema(key("sk", KeyType::Range)?);
    if *streamed {
        let images = StreamViewType::NewAndOldImages;
        table = table.stream_specification(
            StreamSpecification::builder()
                .stream_enabled(true)
                .stream_view_type(images)
                .build()?,
        );
    }
    if let Some((index, sort_key)) = local_index {
        let index = LocalSecondaryIndex::builder()
            .index_name(*index)
            .key_schema(key("pk", KeyType::Hash)?)
            .key_schema(key(sort_key, KeyType::Range)?)
            .projection(
                Projection::builder()
                    .projection_type(ProjectionType::All)
                    .build(),
            )
            .build()?;
        table = table
            .attribute_definitions(text(sort_key)?)
            .local_secondary_indexes(index);
    }
    if let Some((index, [partition_key, sort_key])) = global_index {
        let index = GlobalSecondaryIndex::builder()
            .index_name(*index)
            .key_schema(key(partition_key, KeyType::Hash)?)
            .key_schema(key(sort_key, KeyType::Range)?)
            .projection(
                Projection::builder()
                    .projection_type(ProjectionType::KeysOnly)
                    .build(),
            )
            .build()?;
        table = table
            .attribute_definitions(text(partition_key)?)
            .attribute_definitions(text(sort_key)?)
            .global_secondary_indexes(index);
    }
    table.send().await?;
    if let Some(attribute) = ttl {
        let ttl = TimeToLiveSpecification::builder()
            .enabled(true)
            .attribute_name(*attribute)
            .build()?;
        client
            .update_time_to_live()
            .table_name(name)
            .time_to_live_specification(ttl)
            .send()
            .await?;
    }
    Ok(())
}

fn text(name: &str) -> anyhow::Result<AttributeDefinition> {
    let definition = AttributeDefinition::builder()
        .attribute_name(name)
        .attribute_type(ScalarAttributeType::S);
    Ok(definition.build()?)
}

fn key(name: &str, kind: KeyType) -> anyhow::Result<KeySchemaElement> {
    Ok(KeySchemaElement::builder()
        .attribute_name(name)
        .key_type(kind)
        .build()?)
}
