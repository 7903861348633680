//! `template.yaml` against the route table, the store's tables and what the functions ask of their environment.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};
use std::{collections::BTreeSet, fs};
use store::{TableDefinition, TableNames};

use super::{folders, read, root};

/// The template with CloudFormation's tags in their long form: `!Ref X` as `{"Ref": "X"}`.
pub(super) struct Template(pub(super) Value);

impl Template {
    /// Without what a restored table of keys makes other: `the_table_of_keys_can_be_another` looks at that.
    pub(super) fn read() -> Template {
        let Template(mut whole) = Template::whole();
        own_table(&mut whole);
        Template(whole)
    }

    fn whole() -> Template {
        let text = read("template.yaml");
        let mut documents = Yaml::load_from_str(&text).expect("YAML");
        assert_eq!(documents.len(), 1);
        Template(plain(documents.remove(0)))
    }

    pub(super) fn resource(&self, name: &str) -> &Value {
        let resource = &self.0["Resources"][name];
        assert!(resource.is_object(), "no resource {name}");
        resource
    }

    pub(super) fn properties(&self, name: &str) -> &Value {
        &self.resource(name)["Properties"]
    }

    /// All resources of a type, with their properties.
    pub(super) fn all(&self, kind: &str) -> Vec<(&str, &Value)> {
        let resources = self.0["Resources"].as_object().expect("an object");
        let of_kind = resources
            .iter()
            .filter(|(_, resource)| resource["Type"] == kind);
        of_kind
            .map(|(name, resource)| (name.as_str(), &resource["Properties"]))
            .collect()
    }

    /// The one role of a function's statements.
    pub(super) fn statements(&self, function: &str) -> Vec<&Value> {
        let resource = spec::function_resource(function);
        let role = self.properties(&resource)["Role"]["Fn::GetAtt"].as_str();
        let role = role.and_then(|role| role.strip_suffix(".Arn"));
        let expected = resource.replace("Function", "Role");
        assert_eq!(
            role,
            Some(expected.as_str()),
            "each function has a role of its own"
        );
        statements(self.properties(&expected))
    }

    /// Its own and the global ones.
    pub(super) fn environment(&self, function: &str) -> BTreeSet<&str> {
        let globals = &self.0["Globals"]["Function"];
        let own = self.properties(&spec::function_resource(function));
        [globals, own]
            .into_iter()
            .filter_map(|place| place["Environment"]["Variables"].as_object())
            .flat_map(|variables| variables.keys().map(String::as_str))
            .collect()
    }
}

fn own_table(value: &mut Value) {
    if let Some([_, _, own]) = restoring(value) {
        *value = own.clone();
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(own_table),
        Value::Object(members) => members.values_mut().for_each(own_table),
        _ => {}
    }
}

/// The condition, and what stands there with it and without it.
fn restoring(value: &Value) -> Option<&[Value; 3]> {
    let parts: &[Value; 3] = value["Fn::If"].as_array()?.as_slice().try_into().ok()?;
    (parts[0] == "RestoresKeys").then_some(parts)
}

fn plain(node: Yaml<'_>) -> Value {
    match node {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => value.into(),
        Yaml::Value(Scalar::Integer(value)) => value.into(),
        Yaml::Value(Scalar::FloatingPoint(value)) => value.into_inner().into(),
        Yaml::Value(Scalar::String(value)) => value.into_owned().into(),
        Yaml::Sequence(items) => items.into_iter().map(plain).collect(),
        Yaml::Mapping(members) => {
            let mut map = Map::new();
            for (name, value) in members {
                let name = name.as_str().expect("names are texts").to_owned();
                assert!(
                    map.insert(name.clone(), plain(value)).is_none(),
                    "{name} stands twice"
                );
            }
            map.into()
        }
        Yaml::Tagged(tag, inner) => {
            let name = match tag.suffix.as_str() {
                "Ref" => "Ref".to_owned(),
                other => format!("Fn::{other}"),
            };
            json!({ name: plain(*inner) })
        }
        Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue => panic!("not resolved"),
    }
}

/// The statements of all policies of a role.
fn statements(role: &Value) -> Vec<&Value> {
    let policies = role["Policies"].as_array().into_iter().flatten();
    policies
        .flat_map(|policy| {
            policy["PolicyDocument"]["Statement"]
                .as_array()
                .expect("a list")
        })
        .collect()
}

/// One or several texts or intrinsics.
pub(super) fn listed(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

pub(super) fn actions(statement: &Value) -> Vec<&str> {
    let actions = listed(&statement["Action"]).into_iter();
    actions
        .map(|action| action.as_str().expect("a text"))
        .collect()
}

/// The resource that an intrinsic names.
pub(super) fn named(value: &Value) -> &str {
    let text = value["Ref"].as_str().or(value["Fn::GetAtt"].as_str());
    let text = text.unwrap_or_default();
    text.split('.').next().unwrap_or_default()
}

/// The functions that API Gateway calls.
pub(super) fn routed() -> BTreeSet<&'static str> {
    routes::routed().map(|route| route.function).collect()
}

#[test]
fn every_function_has_its_resource_and_no_other_has_one() {
    let template = Template::read();
    let resources: BTreeSet<_> = template
        .all("AWS::Serverless::Function")
        .into_iter()
        .map(|(name, _)| name.to_owned())
        .collect();
    let functions = folders("functions");
    let expected: BTreeSet<_> = functions
        .iter()
        .map(|name| spec::function_resource(name))
        .collect();
    assert_eq!(resources, expected);
    for function in &functions {
        let resource = template.resource(&spec::function_resource(function));
        assert_eq!(resource["Metadata"]["BuildMethod"], "rust-cargolambda");
        assert_eq!(
            resource["Metadata"]["BuildProperties"]["Binary"],
            function.as_str()
        );
        let properties = &resource["Properties"];
        // Routes stand in gateway.json, and policies in roles; SAM would add to both.
        for added in [
            "Events",
            "Policies",
            "FunctionUrlConfig",
            "EventInvokeConfig",
        ] {
            assert!(properties.get(added).is_none(), "{function}: {added}");
        }
        let group = named(&properties["LoggingConfig"]["LogGroup"]);
        assert_eq!(
            template.resource(group)["Type"],
            "AWS::Logs::LogGroup",
            "{function}"
        );
    }
    for function in routed() {
        assert!(functions.iter().any(|name| name == function), "{function}");
    }
    assert_eq!(template.properties("AuthorizerFunction")["Timeout"], 3);
    let globals = &template.0["Globals"]["Function"];
    assert_eq!(globals["Runtime"], "provided.al2023");
    assert!(
        globals["Timeout"]
            .as_u64()
            .is_some_and(|seconds| seconds < 29)
    );
}

#[test]
fn api_gateway_may_call_the_routed_functions_and_the_authorizer_alone() {
    let template = Template::read();
    let mut permitted = BTreeSet::new();
    for (name, permission) in template.all("AWS::Lambda::Permission") {
        assert_eq!(permission["Action"], "lambda:InvokeFunction", "{name}");
        if permission["Principal"] == "events.amazonaws.com" {
            let rule = named(&permission["SourceArn"]);
            let target = &template.properties(rule)["Targets"][0];
            let function = named(&permission["FunctionName"]);
            assert!(
                [
                    "WorkerFunction",
                    "InterviewEventsFunction",
                    "CheckpointFunction",
                    "AuditFunction"
                ]
                .contains(&function)
            );
            assert_eq!(named(&target["Arn"]), function, "{name}");
            continue;
        }
        assert_eq!(
            permission["Principal"], "apigateway.amazonaws.com",
            "{name}"
        );
        let function = named(&permission["FunctionName"]);
        let place = if function == "AuthorizerFunction" {
            "authorizers/*"
        } else {
            "v1/*"
        };
        let source = permission["SourceArn"]["Fn::Sub"]
            .as_str()
            .expect("of this API alone");
        assert!(
            source.ends_with(&format!(":${{Api}}/{place}")),
            "{name}: {source}"
        );
        assert!(permitted.insert(function.to_owned()), "{function} twice");
    }
    let expected = routed().into_iter().chain(["authorizer"]);
    let expected: BTreeSet<_> = expected.map(spec::function_resource).collect();
    assert_eq!(permitted, expected);
}

#[test]
fn the_api_imports_the_generated_document_and_logs_nothing_of_a_client() {
    let template = Template::read();
    let api = template.properties("Api");
    let included = &api["DefinitionBody"]["Fn::Transform"];
    assert_eq!(included["Name"], "AWS::Include");
    assert_eq!(included["Parameters"]["Location"], "infra/gateway.json");
    assert!(api["OpenApiVersion"].is_string());
    for ignored in ["Auth", "Cors", "GatewayResponses", "BinaryMediaTypes"] {
        assert!(
            api.get(ignored).is_none(),
            "{ignored} belongs into the document"
        );
    }
    for (name, _) in template.all("AWS::Serverless::Api") {
        assert_eq!(name, "Api");
    }
    let text = read("infra/gateway.json");
    for part in text.split("functions/${").skip(1) {
        let resource = part.split(".Arn}").next().expect("a resource");
        assert_eq!(
            template.resource(resource)["Type"],
            "AWS::Serverless::Function"
        );
    }
    let format = api["AccessLogSetting"]["Format"]
        .as_str()
        .expect("a format");
    let allowed = [
        "extendedRequestId",
        "httpMethod",
        "resourcePath",
        "status",
        "responseLatency",
        "integrationLatency",
        "authorizer.latency",
        "error.responseType",
    ];
    for variable in format.split("$context.").skip(1) {
        let end = variable.find('"').expect("quoted");
        assert!(allowed.contains(&&variable[..end]), "{}", &variable[..end]);
    }
    for settings in api["MethodSettings"].as_array().expect("a list") {
        assert_eq!(settings["DataTraceEnabled"], false);
        assert_eq!(settings["LoggingLevel"], "OFF");
        assert!(settings.get("CachingEnabled").is_none());
    }
}

/// Without a time of its own an integration is cut off after 29 s, and with it what a streaming function still has to say.
#[test]
fn an_answer_that_is_streamed_may_take_as_long_as_its_function() {
    let template = Template::read();
    let gateway: Value = serde_json::from_str(&read("infra/gateway.json")).expect("JSON");
    for route in routes::routed() {
        let method = route.method.as_str().to_ascii_lowercase();
        let operation = &gateway["paths"][route.path][method];
        let integration = &operation["x-amazon-apigateway-integration"];
        let seconds = integration["timeoutInMillis"]
            .as_i64()
            .map(|all| all / 1000);
        let function = template.properties(&spec::function_resource(route.function));
        let expected = route
            .streamed
            .then(|| function["Timeout"].as_i64())
            .flatten();
        assert_eq!(seconds, expected, "{}", route.operation);
        assert_eq!(
            integration["responseTransferMode"] == "STREAM",
            route.streamed
        );
    }
}

#[test]
fn no_policy_has_a_wildcard_where_a_name_would_do() {
    let template = Template::read();
    let functions = folders("functions");
    for (name, role) in template.all("AWS::IAM::Role") {
        let is_functions = functions
            .iter()
            .any(|function| spec::function_resource(function).replace("Function", "Role") == name);
        // What API Gateway demands for its logs.
        assert_eq!(
            role.get("ManagedPolicyArns").is_some(),
            name == "GatewayLogRole",
            "{name}"
        );
        assert!(is_functions || name == "GatewayLogRole", "whose is {name}?");
        let trusted = &role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"];
        let service = if is_functions {
            "lambda.amazonaws.com"
        } else {
            "apigateway.amazonaws.com"
        };
        assert_eq!(trusted, service, "{name}");
        for statement in statements(role) {
            assert_eq!(statement["Effect"], "Allow", "{name}");
            assert!(statement.get("NotAction").is_none() && statement.get("NotResource").is_none());
            for action in actions(statement) {
                assert!(!action.contains('*'), "{name} allows {action}");
            }
            for resource in listed(&statement["Resource"]) {
                let text = resource["Fn::Sub"].as_str().or(resource.as_str());
                let is_part = |text: &str| {
                    let (whole, rest) = text.split_at(text.find('}').map_or(0, |end| end + 1));
                    whole.starts_with("${")
                        && [
                            "/*",
                            "/stream/*",
                            "/index/byNotice",
                            "/index/byPlainRequestId",
                        ]
                        .contains(&rest)
                };
                // Nothing of ours in the template: mail's identities. SES asks about others than the sender's, too, so the address is named instead.
                let outward = |text: &str| {
                    let from = &statement["Condition"]["StringEquals"]["ses:FromAddress"];
                    text.starts_with("arn:${AWS::Partition}:ses:") && named(from) == "MailFrom"
                };
                let is_named = |text: &str| is_part(text) || outward(text);
                assert!(text.is_none_or(is_named), "{name}: {resource}");
                assert!(
                    text.is_some() || !named(resource).is_empty(),
                    "{name}: {resource}"
                );
            }
        }
    }
    for (name, policy) in template.all("AWS::S3::BucketPolicy") {
        for statement in policy["PolicyDocument"]["Statement"]
            .as_array()
            .expect("a list")
        {
            assert_eq!(statement["Effect"], "Deny", "{name}");
        }
    }
}

#[test]
fn who_may_read_which_secret_is_who_asks_for_it() {
    let template = Template::read();
    let mut readers: [BTreeSet<String>; 3] = Default::default();
    for function in folders("functions") {
        let main = read(&format!("functions/{function}/src/main.rs"));
        let environment = template.environment(&function);
        let mut granted = BTreeSet::new();
        for statement in template.statements(&function) {
            if actions(statement)
                .iter()
                .any(|action| action.starts_with("secretsmanager:"))
            {
                assert_eq!(
                    actions(statement),
                    ["secretsmanager:GetSecretValue"],
                    "{function}"
                );
                granted.extend(listed(&statement["Resource"]).into_iter().map(named));
            }
        }
        let kinds = [
            ("keyring: true", "KeysSecret", "KEYS_SECRET"),
            ("cursors: true", "CursorSecret", "CURSOR_SECRET"),
            ("sessions: true", "SessionSecret", "SESSION_SECRET"),
        ];
        for (at, (need, secret, variable)) in kinds.into_iter().enumerate() {
            // Both are derived from one secret.
            let asks = main.contains(need)
                || secret == "CursorSecret" && main.contains("invitations: true");
            assert_eq!(granted.contains(secret), asks, "{function}: {secret}");
            assert_eq!(
                environment.contains(variable),
                asks,
                "{function}: {variable}"
            );
            if asks {
                readers[at].insert(function.clone());
            }
        }
        assert!(
            granted
                .iter()
                .all(|name| ["KeysSecret", "CursorSecret", "SessionSecret"].contains(name)),
            "{function}"
        );
        let issuer = [
            "ISSUER_URL",
            "JWKS_URL",
            "ISSUER_CLIENT_IDS",
            "ISSUER_ALGORITHM",
        ];
        for variable in issuer {
            let asks = main.contains("runtime::issuer()") || main.contains("issuer: true");
            assert_eq!(
                environment.contains(variable),
                asks,
                "{function}: {variable}"
            );
        }
    }
    let set = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(
        readers[0],
        set(&["authorizer", "dashboard", "keys"]),
        "who mints or verifies keys"
    );
    assert_eq!(readers[2], set(&["dashboard"]), "who has sessions");
    // Every function with a list, and the one that mails invitations.
    let listing = routes::all().filter(|route| route.operation.starts_with("List"));
    assert_eq!(
        readers[1],
        listing
            .map(|route| route.function.to_owned())
            .chain(["dashboard".to_owned(), "worker".to_owned()])
            .collect(),
        "who has cursors"
    );
}

#[test]
fn every_variable_that_runtime_reads_is_set_and_no_other() {
    let template = Template::read();
    let folder = fs::read_dir(root().join("shared/runtime/src")).expect("a folder");
    let files = folder.flatten().map(|file| file.path());
    let sources: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|kind| kind == "rs"))
        .map(|path| fs::read_to_string(path).expect("a source"))
        .collect();
    // Variables are its only texts in this form.
    let is_variable = |text: &&str| {
        text.contains('_')
            && text
                .bytes()
                .all(|byte| byte == b'_' || byte.is_ascii_uppercase())
    };
    let texts = sources.iter().flat_map(|source| source.split('"'));
    let mut wanted: BTreeSet<_> = texts.filter(is_variable).collect();
    // Lambda sets the first; the others are for a developer's machine: they open `file:` secrets, and name whom to trust.
    for unset in ["AWS_REGION", "DYNAMODB_ENDPOINT", "DYNAMODB_CA_FILE"] {
        assert!(wanted.remove(unset), "{unset}");
    }
    let set = folders("functions")
        .iter()
        .fold(BTreeSet::new(), |set, function| {
            let own: BTreeSet<_> = template
                .environment(function)
                .into_iter()
                .map(str::to_owned)
                .collect();
            &set | &own
        });
    assert_eq!(set, wanted.into_iter().map(str::to_owned).collect());
}

#[test]
fn tables_are_as_the_store_defines_them() {
    let template = Template::read();
    let names = TableNames {
        keys: "KeysTable".to_owned(),
        denials: "DenialsTable".to_owned(),
        records: "RecordsTable".to_owned(),
        audit: "AuditTable".to_owned(),
        sessions: "SessionsTable".to_owned(),
    };
    let definitions = store::definitions(&names);
    assert_eq!(
        template.all("AWS::DynamoDB::Table").len(),
        definitions.len()
    );
    for definition in definitions {
        let TableDefinition {
            name,
            streamed,
            ttl,
            local_index,
            global_index,
        } = definition;
        let resource = template.resource(&name);
        assert_eq!(resource["DeletionPolicy"], "Retain", "{name}");
        assert_eq!(resource["UpdateReplacePolicy"], "Retain", "{name}");
        let table = &resource["Properties"];
        let attributes = ["pk", "sk"]
            .into_iter()
            .chain(local_index.map(|(_, sort)| sort))
            .chain(global_index.into_iter().flat_map(|(_, keys)| keys));
        let attributes: Vec<_> = attributes
            .map(|name| json!({ "AttributeName": name, "AttributeType": "S" }))
            .collect();
        assert_eq!(table["AttributeDefinitions"], json!(attributes), "{name}");
        let schema = |sort: &str| {
            json!([
                { "AttributeName": "pk", "KeyType": "HASH" },
                { "AttributeName": sort, "KeyType": "RANGE" },
            ])
        };
        assert_eq!(table["KeySchema"], schema("sk"), "{name}");
        let indexes = local_index.map(|(index, sort)| {
            json!([{
                "IndexName": index,
                "KeySchema": schema(sort),
                "Projection": { "ProjectionType": "ALL" },
            }])
        });
        assert_eq!(table["LocalSecondaryIndexes"], json!(indexes), "{name}");
        let indexes = global_index.map(|(index, [partition_key, sort_key])| {
            json!([{
                "IndexName": index,
                "KeySchema": [
                    { "AttributeName": partition_key, "KeyType": "HASH" },
                    { "AttributeName": sort_key, "KeyType": "RANGE" },
                ],
                "Projection": { "ProjectionType": "KEYS_ONLY" },
            }])
        });
        assert_eq!(table["GlobalSecondaryIndexes"], json!(indexes), "{name}");
        let ttl = ttl.map(|attribute| json!({ "AttributeName": attribute, "Enabled": true }));
        assert_eq!(table["TimeToLiveSpecification"], json!(ttl), "{name}");
        let stream = streamed.then(|| json!({ "StreamViewType": "NEW_AND_OLD_IMAGES" }));
        assert_eq!(table["StreamSpecification"], json!(stream), "{name}");
        assert_eq!(table["BillingMode"], "PAY_PER_REQUEST", "{name}");
        assert_eq!(table["DeletionProtectionEnabled"], true, "{name}");
        assert_eq!(table["SSESpecification"]["SSEEnabled"], true, "{name}");
        let recovery = &table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"];
        assert_eq!(recovery, true, "{name}");
        // No flood of refusals may throttle another table.
        assert_eq!(
            table.get("OnDemandThroughput").is_some(),
            name == "DenialsTable",
            "{name}"
        );
    }
}

#[test]
fn every_stream_is_consumed_and_loses_nothing_silently() {
    let template = Template::read();
    let mut consumed = BTreeSet::new();
    for (name, mapping) in template.all("AWS::Lambda::EventSourceMapping") {
        let function = named(&mapping["FunctionName"]);
        let source = mapping["EventSourceArn"]["Fn::GetAtt"]
            .as_str()
            .expect("a stream");
        let table = source.trim_end_matches(".StreamArn");
        if function == "WorkerFunction" {
            // Tasks alone, and those can be found without the stream.
            let filters = mapping["FilterCriteria"]["Filters"]
                .as_array()
                .expect("a list");
            let pattern =
                r#"{"eventName":["INSERT"],"dynamodb":{"NewImage":{"entity":{"S":["task"]}}}}"#;
            assert_eq!(*filters, [json!({ "Pattern": pattern })]);
            assert_eq!(table, "RecordsTable");
        } else {
            assert_eq!(function, "AuditFunction", "{name}");
            assert!(consumed.insert(table.to_owned()), "{source} twice");
            if table == "RecordsTable" {
                // What the consumer takes no notice of, and nothing that it does.
                let silent = json!({ "entity": { "S": [{ "anything-but": store::SILENT }] } });
                let patterns = [
                    json!({ "dynamodb": { "NewImage": silent } }),
                    json!({ "eventName": ["REMOVE"], "dynamodb": { "OldImage": silent } }),
                ];
                let filters = listed(&mapping["FilterCriteria"]["Filters"]).into_iter();
                let found = filters.map(|filter| {
                    let pattern = filter["Pattern"].as_str().expect("a pattern");
                    serde_json::from_str::<Value>(pattern).expect("JSON")
                });
                assert!(found.eq(patterns), "{mapping}");
            }
        }
        assert_eq!(mapping["StartingPosition"], "TRIM_HORIZON", "{name}");
        assert_eq!(mapping["BisectBatchOnFunctionError"], true, "{name}");
        assert_eq!(
            mapping["FunctionResponseTypes"],
            json!(["ReportBatchItemFailures"]),
            "{name}"
        );
        assert_eq!(mapping["ParallelizationFactor"], 1, "{name}");
        let within = |property: &str, most: i64| {
            let value = mapping[property].as_i64().expect("a number");
            assert!((1..=most).contains(&value), "{name}: {property} = {value}");
        };
        within("MaximumRetryAttempts", 10);
        // Well within the stream's 24 h.
        within("MaximumRecordAgeInSeconds", 12 * 3600);
        let window = mapping["MaximumBatchingWindowInSeconds"].as_i64();
        assert!(window.is_some_and(|seconds| (0..=5).contains(&seconds)));
        within("BatchSize", 100);
        // SQS and SNS would get metadata alone.
        let destination = named(&mapping["DestinationConfig"]["OnFailure"]["Destination"]);
        assert_eq!(
            template.resource(destination)["Type"],
            "AWS::S3::Bucket",
            "{name}"
        );
    }
    let streamed: BTreeSet<_> = template
        .all("AWS::DynamoDB::Table")
        .into_iter()
        .filter(|(_, table)| table.get("StreamSpecification").is_some())
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(consumed, streamed);
    for (name, bucket) in template.all("AWS::S3::Bucket") {
        // Nothing is kept there but by its lock.
        let locked = bucket["ObjectLockEnabled"] == true;
        assert_eq!(locked, name == "CheckpointBucket");
        for block in [
            "BlockPublicAcls",
            "BlockPublicPolicy",
            "IgnorePublicAcls",
            "RestrictPublicBuckets",
        ] {
            assert_eq!(
                bucket["PublicAccessBlockConfiguration"][block], true,
                "{name}"
            );
        }
        let rules = bucket["LifecycleConfiguration"]["Rules"].as_array();
        assert!(
            locked
                || rules
                    .expect("rules")
                    .iter()
                    .any(|rule| rule["ExpirationInDays"] == 14 && rule["Status"] == "Enabled"),
            "{name}"
        );
    }
}

#[test]
fn the_engines_reports_are_delivered_or_kept() {
    let template = Template::read();
    let rule = template.properties("InterviewEventsRule");
    assert_eq!(
        rule["EventPattern"],
        json!({
            "source": [interview_events::SOURCE],
            "detail-type": [interview_events::DETAIL_TYPE],
        })
    );
    let [target] = rule["Targets"].as_array().expect("a list").as_slice() else {
        panic!("one target");
    };
    assert_eq!(named(&target["Arn"]), "InterviewEventsFunction");
    let queue = "InterviewEventsFailures";
    assert_eq!(named(&target["DeadLetterConfig"]["Arn"]), queue);
    let invocations = template.properties("InterviewEventsInvocations");
    assert_eq!(
        named(&invocations["FunctionName"]),
        "InterviewEventsFunction"
    );
    let destination = &invocations["DestinationConfig"]["OnFailure"]["Destination"];
    assert_eq!(named(destination), queue);
    let properties = template.properties(queue);
    assert_eq!(properties["MessageRetentionPeriod"], 14 * 24 * 3600);
    assert_eq!(properties["SqsManagedSseEnabled"], true);
    let alarmed = template.all("AWS::CloudWatch::Alarm");
    assert!(alarmed.iter().any(|(_, alarm)| {
        let dimensions = alarm["Dimensions"].as_array().into_iter().flatten();
        let mut values = dimensions.map(|dimension| &dimension["Value"]["Fn::GetAtt"]);
        values.any(|value| *value == format!("{queue}.QueueName"))
    }));
}

/// The roles of the functions that start with it.
fn whoever_needs(what: &str) -> BTreeSet<String> {
    let functions = folders("functions").into_iter();
    let needs = functions.filter(|function| {
        read(&format!("functions/{function}/src/main.rs")).contains(&format!(" {what}: Some("))
    });
    let role = |function: String| spec::function_resource(&function).replace("Function", "Role");
    needs.map(role).collect()
}

#[test]
fn each_of_the_trails_keys_serves_whoever_starts_with_it_and_checkpoints_are_put_once() {
    let template = Template::read();
    for (key, signs) in [
        ("ExportKey", "export_signer"),
        ("CheckpointKey", "checkpoint_signer"),
    ] {
        let properties = template.properties(key);
        assert_eq!(properties["KeySpec"], "ECC_NIST_EDWARDS25519");
        assert_eq!(template.resource(key)["DeletionPolicy"], "Retain");
        let policy = &properties["KeyPolicy"]["Statement"];
        let may = |what: &str| -> BTreeSet<String> {
            let statements = listed(policy).into_iter();
            let allows = statements.filter(|statement| {
                let mut actions = actions(statement).into_iter();
                statement["Sid"] != "Administer"
                    && actions.any(|action| action == what || action.contains('*'))
            });
            let roles = allows.flat_map(|statement| listed(&statement["Principal"]["AWS"]));
            roles.map(|role| named(role).to_owned()).collect()
        };
        let administer = listed(policy)[0];
        assert_eq!(administer["Sid"], "Administer");
        assert!(!actions(administer).contains(&"kms:Sign"));
        // A process doesn't start without a key that it needs.
        let signers = whoever_needs(signs);
        assert_eq!(may("kms:Sign"), signers, "{key}");
        assert_eq!(
            may("kms:GetPublicKey"),
            &signers | &whoever_needs("audit_keys"),
            "{key}"
        );
    }
    for function in folders("functions") {
        for statement in template.statements(&function) {
            let of_keys = actions(statement)
                .iter()
                .any(|action| action.starts_with("kms:"));
            // The keys' own policies say who may sign.
            let seals = named(&statement["Resource"]) == "QuarantineKey" && function == "audit";
            assert!(!of_keys || seals, "{function}");
            let of_checkpoints = statement["Resource"]["Fn::Sub"] == "${CheckpointBucket.Arn}/*";
            let puts = actions(statement).contains(&"s3:PutObject");
            assert!(!(of_checkpoints && puts) || function == "checkpoint");
        }
    }
    let bucket = template.properties("CheckpointBucket");
    assert_eq!(bucket["VersioningConfiguration"]["Status"], "Enabled");
    let lock = &bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"];
    assert_eq!(bucket["ObjectLockEnabled"], true);
    assert_eq!(named(&lock["Mode"]), "CheckpointLockMode");
    let mode = &template.0["Parameters"]["CheckpointLockMode"];
    assert_eq!(mode["Default"], "COMPLIANCE");
    assert_eq!(mode["AllowedValues"], json!(["COMPLIANCE", "GOVERNANCE"]));
    let policy = &template.properties("CheckpointBucketPolicy")["PolicyDocument"]["Statement"];
    let once = policy
        .as_array()
        .and_then(|all| all.iter().find(|one| one["Sid"] == "OnceOnly"));
    assert_eq!(
        once.map(|once| &once["Condition"]["Null"]["s3:if-none-match"]),
        Some(&json!("true"))
    );
    let hidden = json!({
        "Sid": "NeverHidden", "Effect": "Deny", "Principal": "*",
        "Action": "s3:DeleteObject", "Resource": { "Fn::Sub": "${CheckpointBucket.Arn}/*" },
    });
    assert!(policy.as_array().is_some_and(|all| all.contains(&hidden)));
    let schedule = template.properties("CheckpointSchedule");
    assert_eq!(schedule["ScheduleExpression"], "rate(1 hour)");
    assert_eq!(named(&schedule["Targets"][0]["Arn"]), "CheckpointFunction");
}

#[test]
fn chains_are_only_ever_appended_to() {
    let of_owners = [
        "CHAIN#COMPANY#*",
        "CHAIN#PARTNER#*",
        "HEAD#COMPANY#*",
        "HEAD#PARTNER#*",
    ];
    let of_owners = of_owners.map(Value::from).to_vec();
    let template = Template::read();
    for function in folders("functions") {
        for statement in template.statements(&function) {
            let of_audit = listed(&statement["Resource"])
                .into_iter()
                .any(|resource| named(resource) == "AuditTable");
            if !of_audit {
                continue;
            }
            let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
            for action in actions(statement) {
                let (may, leading) = match action {
                    "dynamodb:PutItem" => (function == "audit", Some(json!(["CHAIN#*"]))),
                    "dynamodb:UpdateItem" => {
                        let leading = json!(["ACTIVE#*", "CHAINS", "HEAD#*", "MARK#*", "USAGE#*"]);
                        (function == "audit", Some(leading))
                    }
                    // Of usage: the rows of one key, which its owner's store alone asks for.
                    // What it asks the readers of chains and of usage for, and no more.
                    "dynamodb:GetItem" | "dynamodb:Query" if function == "dashboard" => {
                        let usage = [json!("USAGE#COMPANY#*"), json!("USAGE#PARTNER#*")];
                        (true, Some(Value::from([&of_owners[..], &usage].concat())))
                    }
                    "dynamodb:Query" if function == "keys" => {
                        (true, Some(json!(["USAGE#COMPANY#*", "USAGE#PARTNER#*"])))
                    }
                    // Alerts look at usage, and never at a chain.
                    "dynamodb:GetItem" | "dynamodb:Query" if function == "worker" => {
                        (true, Some(json!(["ACTIVE#*", "USAGE#*"])))
                    }
                    // Those of the platform's own chain are none of their callers' business.
                    "dynamodb:GetItem" | "dynamodb:Query" if function.starts_with("audit-") => {
                        (true, Some(Value::from(of_owners.clone())))
                    }
                    "dynamodb:GetItem" | "dynamodb:BatchGetItem" | "dynamodb:Query" => {
                        (["audit", "checkpoint"].contains(&function.as_str()), None)
                    }
                    _ => (false, None),
                };
                assert!(may, "{function} may not {action} the audit table");
                assert!(
                    leading.is_none_or(|leading| *keys == leading),
                    "{function}: {action} on {keys}"
                );
            }
        }
    }
}

#[test]
fn logs_end_and_alarms_wake_somebody() {
    let template = Template::read();
    for (name, group) in template.all("AWS::Logs::LogGroup") {
        let retention = named(&group["RetentionInDays"]);
        assert_eq!(
            template.0["Parameters"][retention]["Type"], "Number",
            "{name}"
        );
    }
    let alarms = template.all("AWS::CloudWatch::Alarm");
    for (name, alarm) in &alarms {
        let topic = alarm["AlarmActions"]
            .as_array()
            .map(|actions| named(&actions[0]));
        assert_eq!(topic, Some("AlarmTopic"), "{name}");
        // Every 401 is an error of the authorizer.
        if alarm["Namespace"] == "AWS/Lambda" && alarm["MetricName"] == "Errors" {
            assert_ne!(watched(alarm), "AuthorizerFunction", "{name}");
            assert!(!watched(alarm).is_empty(), "{name} is of every function");
        }
    }
    let age = alarms
        .iter()
        .find(|(_, alarm)| alarm["MetricName"] == "IteratorAge")
        .expect("an alarm for the streams");
    assert_eq!(age.1["Threshold"], 3_600_000);
    // What the metric counts is what the function writes.
    for (name, filter) in template.all("AWS::Logs::MetricFilter") {
        let pattern = filter["FilterPattern"].as_str().expect("a pattern");
        if name == "AuthorizerFaults" {
            for (line, source) in [
                ("\"authorizer fault\"", "functions/authorizer/src/lib.rs"),
                ("\"not started\"", "shared/runtime/src/lib.rs"),
            ] {
                assert!(pattern.contains(line), "{pattern}");
                assert!(read(source).contains(line), "{source}");
            }
        }
        if name == "WorkerFaults" {
            let line = "\"work left for the next time\"";
            assert!(pattern.contains(line), "{pattern}");
            assert!(read("functions/worker/src/lib.rs").contains(line));
        }
        let metric = &filter["MetricTransformations"][0]["MetricName"];
        assert!(
            alarms
                .iter()
                .any(|(_, alarm)| alarm["MetricName"] == *metric),
            "{name}"
        );
    }
}

/// The function that an alarm's metric is of.
pub(super) fn watched(alarm: &Value) -> &str {
    let mut dimensions = alarm["Dimensions"].as_array().into_iter().flatten();
    let function = dimensions.find(|dimension| dimension["Name"] == "FunctionName");
    function.map_or("", |dimension| named(&dimension["Value"]))
}

/// Nobody waits for its answers, so that nobody would notice.
#[test]
fn a_worker_that_fails_gets_nowhere_or_stays_away_wakes_somebody() {
    let template = Template::read();
    let schedule = template.properties("WorkerSchedule");
    assert_eq!(schedule["ScheduleExpression"], "rate(5 minutes)");
    assert_eq!(schedule["State"], Value::Null, "enabled");
    assert_eq!(named(&schedule["Targets"][0]["Arn"]), "WorkerFunction");
    let alerts = template.properties("AlertSchedule");
    assert_eq!(alerts["ScheduleExpression"], "rate(1 minute)");
    assert_eq!(alerts["State"], Value::Null, "enabled");
    assert_eq!(named(&alerts["Targets"][0]["Arn"]), "WorkerFunction");
    let input = alerts["Targets"][0]["Input"].as_str().expect("an input");
    let input: Value = serde_json::from_str(input).expect("JSON");
    assert_eq!(input, worker::alerts_turn());
    let permission = template.properties("AlertPermission");
    assert_eq!(named(&permission["SourceArn"]), "AlertSchedule");
    let usage = template.properties("UsageSchedule");
    assert_eq!(usage["ScheduleExpression"], "rate(1 hour)");
    assert_eq!(usage["State"], Value::Null, "enabled");
    assert_eq!(named(&usage["Targets"][0]["Arn"]), "AuditFunction");
    let input = usage["Targets"][0]["Input"].as_str().expect("an input");
    let input: Value = serde_json::from_str(input).expect("JSON");
    assert_eq!(input, audit::usage_turn());
    let permission = template.properties("UsagePermission");
    assert_eq!(named(&permission["SourceArn"]), "UsageSchedule");
    // What a turn has begun when its time is over must come to its end.
    let timeout = template.properties("WorkerFunction")["Timeout"].as_i64();
    assert!(timeout.is_some_and(|seconds| seconds >= worker::TURN.num_seconds() + 60));
    let alarms = template.all("AWS::CloudWatch::Alarm");
    let of = |metric: &str| {
        let mut all = alarms.iter();
        let found = all.find(|(_, alarm)| {
            let ours = watched(alarm) == "WorkerFunction" || metric == "WorkerFaults";
            ours && alarm["MetricName"] == metric
        });
        found.unwrap_or_else(|| panic!("no alarm for {metric}")).1
    };
    for metric in ["Errors", "WorkerFaults"] {
        let alarm = of(metric);
        assert_eq!(alarm["ComparisonOperator"], "GreaterThanOrEqualToThreshold");
        assert_eq!(alarm["Threshold"], 1, "{metric}");
        assert_eq!(alarm["Statistic"], "Sum", "{metric}");
    }
    let absence = of("Invocations");
    assert_eq!(absence["ComparisonOperator"], "LessThanThreshold");
    // No run at all has no data at all.
    assert_eq!(absence["TreatMissingData"], "breaching");
    let seconds = |name: &str| absence[name].as_u64().expect("a number");
    assert!(seconds("Period") >= 300, "the schedule's pause");
    assert!(seconds("Period") * seconds("EvaluationPeriods") <= 3600);
}

#[test]
fn secrets_and_people_outlive_the_stack() {
    let template = Template::read();
    for kind in [
        "AWS::SecretsManager::Secret",
        "AWS::Cognito::UserPool",
        "AWS::DynamoDB::Table",
        "AWS::S3::Bucket",
    ] {
        for (name, properties) in template.all(kind) {
            assert_eq!(
                template.resource(name)["DeletionPolicy"],
                "Retain",
                "{name}"
            );
            // A secret in a template is none.
            assert!(properties.get("SecretString").is_none(), "{name}");
        }
    }
}

/// After a restoration: all that means the stack's own table of keys means the restored one then, of which only its stream is given.
#[test]
fn the_table_of_keys_can_be_another() {
    fn look(value: &Value, found: &mut usize) {
        if let Some([_, restored, own]) = restoring(value) {
            let stream = json!({ "Ref": "RestoredKeysStream" });
            let part = |at: u8, of: &str| {
                let parts = json!([of, stream]);
                json!({ "Fn::Select": [at, { "Fn::Split": parts }] })
            };
            let expected = match own {
                own if own["Ref"] == "KeysTable" => part(1, "/"),
                own if own["Fn::GetAtt"] == "KeysTable.Arn" => part(0, "/stream/"),
                own if own["Fn::GetAtt"] == "KeysTable.StreamArn" => stream,
                own => {
                    let text = own["Fn::Sub"].as_str().expect("a text");
                    let end = text.strip_prefix("${KeysTable.Arn}").expect("a part of it");
                    json!({ "Fn::Join": ["", [part(0, "/stream/"), end]] })
                }
            };
            assert_eq!(*restored, expected);
            *found += 1;
            return;
        }
        match value {
            Value::String(text) => {
                let of_table = text.contains("${KeysTable}") || text.contains("${KeysTable.");
                assert!(!of_table && !text.starts_with("KeysTable"), "{text}");
            }
            Value::Array(items) => items.iter().for_each(|item| look(item, found)),
            Value::Object(members) => members.values().for_each(|member| look(member, found)),
            _ => {}
        }
    }
    let mut found = 0;
    look(&Template::whole().0, &mut found);
    assert!(found > 20, "{found}");
}

/// Whoever deploys a second stack of this template, in any region and account, asks for another name.
#[test]
fn the_sign_ins_name_is_the_stacks_alone() {
    let template = Template::read();
    let domain = &template.properties("UserPoolDomain")["Domain"]["Fn::If"][2];
    // arn:aws:cloudformation:<region>:<account>:stack/<name>/<UUID>
    let uuid = json!({ "Fn::Select": [2, { "Fn::Split": ["/", { "Ref": "AWS::StackId" }] }] });
    assert_eq!(*domain, json!({ "Fn::Join": ["-", ["instaview", uuid]] }));
}
