//! `template.yaml`: how the API is reached, who signs in, what is delivered or kept, and who is woken.

use model::RateLimit;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

use super::{
    folders, read,
    template::{Template, actions, listed, named, routed},
};

impl Template {
    fn parameter(&self, name: &str) -> &Value {
        let parameter = &self.0["Parameters"][name];
        assert!(parameter.is_object(), "no parameter {name}");
        parameter
    }

    /// What a resource exists under.
    fn condition(&self, name: &str) -> &Value {
        let condition = &self.resource(name)["Condition"];
        let named = condition.as_str().expect("a condition");
        let known = &self.0["Conditions"][named];
        assert!(!known.is_null(), "{name}: {named}");
        condition
    }
}

/// The names in `${…}`, without the part after a dot.
fn substituted(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split("${").skip(1);
    parts.map(|part| part.split(['}', '.']).next().unwrap_or_default())
}

#[test]
fn a_domain_is_at_the_root_by_tls_1_2_and_the_first_address_is_off_then() {
    let template = Template::read();
    for name in ["ApiDomain", "ApiDomainMapping"] {
        assert_eq!(template.condition(name), "HasDomain");
    }
    let domain = template.properties("ApiDomain");
    assert_eq!(domain["SecurityPolicy"], "TLS_1_2");
    assert_eq!(named(&domain["DomainName"]), "DomainName");
    assert_eq!(named(&domain["RegionalCertificateArn"]), "CertificateArn");
    assert_eq!(
        domain["EndpointConfiguration"]["Types"],
        json!(["REGIONAL"])
    );
    let api = template.properties("Api");
    assert_eq!(api["EndpointConfiguration"]["Type"], "REGIONAL");
    // Both, or IPv6 reaches the one and not the other.
    for place in [domain, api] {
        let kind = &place["EndpointConfiguration"]["IpAddressType"];
        assert_eq!(named(kind), "IpAddressType");
    }
    let kinds = &template.parameter("IpAddressType")["AllowedValues"];
    assert_eq!(*kinds, json!(["ipv4", "dualstack"]));
    let mapping = template.properties("ApiDomainMapping");
    assert!(mapping.get("BasePath").is_none());
    assert_eq!(mapping["Stage"]["Ref"], "Api.Stage");
    let gateway: Value = serde_json::from_str(&read("infra/gateway.json")).expect("JSON");
    let server = &gateway["servers"][0]["x-amazon-apigateway-endpoint-configuration"];
    let off = &server["disableExecuteApiEndpoint"]["Fn::If"];
    assert_eq!(*off, json!(["HasDomain", true, false]));
    // Only a stage that changes takes that up.
    let with_domain = &api["Variables"]["domain"]["Fn::If"];
    assert_eq!(*with_domain, json!(["HasDomain", "on", "off"]));
    assert_eq!(gateway["info"]["title"], api["Name"]);
    let policy = api["SecurityPolicy"].as_str().expect("a policy");
    assert!(policy.starts_with("SecurityPolicy_TLS13_1_2_"), "{policy}");
    // The dashboard, its sign-in and the links of mails know the domain, too.
    for (resource, pointer) in [
        ("DashboardFunction", "/Environment/Variables/DASHBOARD_URL"),
        ("WorkerFunction", "/Environment/Variables/LINKS_TO"),
        ("UserPoolClient", "/CallbackURLs/0"),
    ] {
        let value = template.properties(resource).pointer(pointer);
        let text = value.expect("is set").to_string();
        for part in ["DashboardUrl", "HasDomain", "https://${DomainName}"] {
            assert!(text.contains(part), "{resource}: {text}");
        }
    }
}

#[test]
fn the_stage_is_throttled_and_no_address_can_use_it_up_alone() {
    let template = Template::read();
    let [settings] = template.properties("Api")["MethodSettings"]
        .as_array()
        .expect("a list")
        .as_slice()
    else {
        panic!("one setting, of all methods");
    };
    assert_eq!(
        (&settings["HttpMethod"], &settings["ResourcePath"]),
        (&json!("*"), &json!("/*"))
    );
    // By method they are billed by method.
    assert_eq!(settings["MetricsEnabled"], false);
    assert_eq!(named(&settings["ThrottlingRateLimit"]), "ThrottleRate");
    assert_eq!(named(&settings["ThrottlingBurstLimit"]), "ThrottleBurst");

    for name in ["AddressLimit", "AddressLimitOfApi"] {
        assert_eq!(template.condition(name), "HasAddressLimit");
    }
    let limit = template.properties("AddressLimit");
    assert_eq!(limit["Scope"], "REGIONAL");
    assert_eq!(limit["DefaultAction"], json!({ "Allow": {} }));
    let [rule] = limit["Rules"].as_array().expect("a list").as_slice() else {
        panic!("one rule: the gateway answers what any of them blocks with a 429");
    };
    let rate = &rule["Statement"]["RateBasedStatement"];
    assert_eq!(rate["AggregateKeyType"], "IP");
    assert_eq!(rate["EvaluationWindowSec"], 60);
    assert_eq!(named(&rate["Limit"]), "RequestsPerAddress");
    assert_eq!(rule["Action"], json!({ "Block": {} }));
    // Samples hold the Authorization header.
    for place in [limit, rule] {
        assert_eq!(place["VisibilityConfig"]["SampledRequestsEnabled"], false);
    }
    assert!(template.all("AWS::WAFv2::LoggingConfiguration").is_empty());
    let association = template.properties("AddressLimitOfApi");
    assert_eq!(named(&association["WebACLArn"]), "AddressLimit");
    let stage = association["ResourceArn"]["Fn::Sub"].as_str();
    assert!(stage.is_some_and(|arn| arn.ends_with("::/restapis/${Api}/stages/${Api.Stage}")));
    let gateway: Value = serde_json::from_str(&read("infra/gateway.json")).expect("JSON");
    let blocked = &gateway["x-amazon-apigateway-gateway-responses"]["WAF_FILTERED"];
    assert_eq!(blocked["statusCode"], "429");

    // Whoever keeps to the limits of the fastest key is never blocked.
    let key = |per_minute| RateLimit {
        per_minute,
        per_hour: 1_000_000,
        per_second: Some(500),
    };
    let fastest = 30_000;
    assert!(key(fastest).is_valid() && !key(fastest + 1).is_valid());
    let parameter = template.parameter("RequestsPerAddress");
    assert!(parameter["Default"].as_u64() >= Some(2 * u64::from(fastest)));
    assert_eq!(parameter["MinValue"], 0, "it can be left out");
}

#[test]
fn functions_are_sized_by_parameters() {
    let template = Template::read();
    let globals = &template.0["Globals"]["Function"];
    assert_eq!(named(&globals["Architectures"][0]), "Architecture");
    let kinds = &template.parameter("Architecture")["AllowedValues"];
    assert_eq!(*kinds, json!(["arm64", "x86_64"]));
    assert_eq!(named(&globals["MemorySize"]), "MemorySize");
    let level = &globals["Environment"]["Variables"]["LOG_LEVEL"];
    assert_eq!(named(level), "LogLevel");
    for function in folders("functions") {
        let properties = template.properties(&spec::function_resource(&function));
        let (memory, concurrency) = match function.as_str() {
            "authorizer" => (
                Some("AuthorizerMemorySize"),
                Some(["ReservesAuthorizer", "AuthorizerConcurrency"]),
            ),
            name if routed().contains(name) => {
                (None, Some(["ReservesFunctions", "FunctionConcurrency"]))
            }
            // Streams, schedules and the bus wait.
            _ => (None, None),
        };
        let own = properties.get("MemorySize").map(named);
        assert_eq!(own, memory, "{function}");
        let reserved = concurrency.map(|[condition, parameter]| {
            json!({ "Fn::If": [condition, { "Ref": parameter }, { "Ref": "AWS::NoValue" }] })
        });
        let found = properties.get("ReservedConcurrentExecutions");
        assert_eq!(found, reserved.as_ref(), "{function}");
    }
}

#[test]
fn the_tables_key_opens_them_through_dynamodb_alone() {
    let template = Template::read();
    for (name, table) in template.all("AWS::DynamoDB::Table") {
        let sealed = &table["SSESpecification"];
        assert_eq!(sealed["SSEType"], "KMS", "{name}");
        let own = json!({ "Fn::If": [
            "OwnsTablesKey", { "Fn::GetAtt": "TablesKey.Arn" }, { "Ref": "AWS::NoValue" },
        ] });
        assert_eq!(sealed["KMSMasterKeyId"], own, "{name}");
    }
    assert_eq!(template.condition("TablesKey"), "OwnsTablesKey");
    assert_eq!(template.resource("TablesKey")["DeletionPolicy"], "Retain");
    let key = template.properties("TablesKey");
    assert_eq!(key["EnableKeyRotation"], true);
    let policy = key["KeyPolicy"]["Statement"].as_array().expect("a list");
    for statement in policy {
        let of_everybody = statement["Principal"]["AWS"] == "*";
        if !of_everybody {
            let root = statement["Principal"]["AWS"]["Fn::Sub"].as_str();
            assert!(root.is_some_and(|arn| arn.ends_with(":root")));
            continue;
        }
        let condition = &statement["Condition"]["StringEquals"];
        assert_eq!(condition["kms:CallerAccount"]["Ref"], "AWS::AccountId");
        let service = &condition["kms:ViaService"]["Fn::Sub"];
        assert_eq!(*service, "dynamodb.${AWS::Region}.${AWS::URLSuffix}");
    }
    // Before the first thing is sealed by it: one that lacks the statement can't be read by anybody.
    assert_eq!(policy.len(), 2);
}

#[test]
fn people_sign_in_by_a_verified_address_and_give_no_password_to_anybody_else() {
    let template = Template::read();
    let pool = template.properties("UserPool");
    let email = json!(["email"]);
    assert_eq!(pool["UsernameAttributes"], email);
    assert_eq!(pool["AutoVerifiedAttributes"], email);
    let before = &pool["UserAttributeUpdateSettings"]["AttributesRequireVerificationBeforeUpdate"];
    assert_eq!(*before, email);
    assert_eq!(pool["UsernameConfiguration"]["CaseSensitive"], false);
    assert_eq!(pool["EnabledMfas"], json!(["SOFTWARE_TOKEN_MFA"]));
    assert_eq!(pool["DeletionProtection"], "ACTIVE");
    let recovery = &pool["AccountRecoverySetting"]["RecoveryMechanisms"];
    assert_eq!(
        *recovery,
        json!([{ "Name": "verified_email", "Priority": 1 }])
    );

    let clients = template.all("AWS::Cognito::UserPoolClient");
    assert_eq!(clients.len(), 1);
    for (name, client) in clients {
        assert_eq!(client["PreventUserExistenceErrors"], "ENABLED", "{name}");
        assert_eq!(client["EnableTokenRevocation"], true, "{name}");
        for token in ["AccessToken", "IdToken"] {
            let validity = &client[format!("{token}Validity")];
            let unit = &client["TokenValidityUnits"][token];
            assert_eq!((validity, unit), (&json!(10), &json!("minutes")), "{token}");
        }
        assert_eq!(client["AllowedOAuthFlows"], json!(["code"]), "{name}");
        let flows = ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"];
        assert_eq!(client["ExplicitAuthFlows"], json!(flows), "{name}");
        // Browsers keep no secret; PKCE is what binds a code.
        assert!(client.get("GenerateSecret").is_none(), "{name}");
    }
    // `prompt=login` is for these pages alone, and they want a style.
    assert_eq!(
        template.properties("UserPoolDomain")["ManagedLoginVersion"],
        2
    );
    let style = template.properties("SignInStyle");
    assert_eq!(named(&style["ClientId"]), "UserPoolClient");
    let groups = template.all("AWS::Cognito::UserPoolGroup");
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0].1["GroupName"], "administrators");
    // A group that comes with a role would be a way into the account.
    assert!(groups[0].1.get("RoleArn").is_none());
}

#[test]
fn what_a_rule_cant_deliver_is_kept_in_a_queue_that_wakes_somebody() {
    let template = Template::read();
    let mut senders: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, rule) in template.all("AWS::Events::Rule") {
        for target in rule["Targets"].as_array().expect("a list") {
            let queue = named(&target["DeadLetterConfig"]["Arn"]);
            senders.entry(queue).or_default().insert(name);
        }
        // Schedules exist on the default bus alone; nothing else listens there.
        let own = rule.get("EventBusName").map(named) == Some("EventBus");
        assert_ne!(own, rule.get("ScheduleExpression").is_some(), "{name}");
    }
    let queues: BTreeSet<_> = template
        .all("AWS::SQS::Queue")
        .into_iter()
        .map(|(name, queue)| {
            assert_eq!(queue["SqsManagedSseEnabled"], true, "{name}");
            // What nobody sends again only holds the alarm, and must let it end.
            let hours = if name == "MissedTurns" { 2 } else { 14 * 24 };
            assert_eq!(queue["MessageRetentionPeriod"], hours * 3600, "{name}");
            name
        })
        .collect();
    assert_eq!(senders.keys().copied().collect::<BTreeSet<_>>(), queues);
    let mut allowed: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, policy) in template.all("AWS::SQS::QueuePolicy") {
        for statement in listed(&policy["PolicyDocument"]["Statement"]) {
            assert_eq!(statement["Action"], "sqs:SendMessage", "{name}");
            assert_eq!(statement["Principal"]["Service"], "events.amazonaws.com");
            let queue = named(&statement["Resource"]);
            assert_eq!(named(&policy["Queues"][0]), queue, "{name}");
            let sources = listed(&statement["Condition"]["ArnEquals"]["aws:SourceArn"]);
            assert!(!sources.is_empty(), "{name} lets anybody's rule in");
            allowed
                .entry(queue)
                .or_default()
                .extend(sources.into_iter().map(named));
        }
    }
    assert_eq!(allowed, senders);
    for queue in queues {
        let mut alarms = template.all("AWS::CloudWatch::Alarm").into_iter();
        let woken = alarms.any(|(_, alarm)| {
            let value = &alarm["Dimensions"][0]["Value"]["Fn::GetAtt"];
            *value == format!("{queue}.QueueName") && alarm["Threshold"] == 1
        });
        assert!(woken, "{queue}");
    }
}

#[test]
fn events_go_over_a_bus_of_our_own() {
    let template = Template::read();
    let rule = template.properties("InterviewEventsRule");
    assert_eq!(named(&rule["EventBusName"]), "EventBus");
    let worker = template.properties("WorkerFunction");
    let bus = &worker["Environment"]["Variables"]["EVENT_BUS"];
    assert_eq!(named(bus), "EventBus");
    for function in folders("functions") {
        for statement in template.statements(&function) {
            if actions(statement).contains(&"events:PutEvents") {
                assert_eq!(function, "worker");
                assert_eq!(named(&statement["Resource"]), "EventBus");
            }
        }
    }
}

/// Namespace, metric and what it is of.
fn metrics(alarm: &Value) -> Vec<(String, String, String)> {
    let one = |metric: &Value| {
        let text = |value: &Value| match value["Fn::Sub"].as_str() {
            Some(text) => text.to_owned(),
            None => value.as_str().unwrap_or_default().to_owned(),
        };
        let of = metric["Dimensions"].as_array().and_then(|all| all.first());
        let of = of.map_or("", |dimension| named(&dimension["Value"]));
        (
            text(&metric["Namespace"]),
            text(&metric["MetricName"]),
            of.to_owned(),
        )
    };
    match alarm["Metrics"].as_array() {
        None => vec![one(alarm)],
        Some(parts) => {
            let parts = parts.iter().map(|part| &part["MetricStat"]["Metric"]);
            parts.filter(|metric| metric.is_object()).map(one).collect()
        }
    }
}

#[test]
fn whatever_goes_wrong_wakes_somebody() {
    let template = Template::read();
    let mut watched = BTreeSet::new();
    for (name, alarm) in template.all("AWS::CloudWatch::Alarm") {
        watched.extend(metrics(alarm));
        // All that is added up is asked for.
        if let Some(parts) = alarm["Metrics"].as_array() {
            let sum = parts[0]["Expression"].as_str().expect("a sum");
            assert_eq!(sum.split('+').count(), parts.len() - 1, "{name}");
            for part in &parts[1..] {
                let id = part["Id"].as_str().expect("an id");
                assert!(sum.contains(&format!("FILL({id}, 0)")), "{name}: {id}");
                assert_eq!(part["ReturnData"], false, "{name}: {id}");
            }
        }
    }
    let ours = "InstaView/${AWS::StackName}";
    let mut expected: Vec<(&str, &str, String)> = Vec::new();
    for metric in [
        "AuthorizerFaults",
        "QuarantinedRecords",
        "Refusals",
        "AuditErrors",
        "WorkerFaults",
    ] {
        expected.push((ours, metric, String::new()));
    }
    for metric in ["5XXError", "Latency"] {
        expected.push(("AWS/ApiGateway", metric, String::new()));
    }
    for (metric, function) in [
        ("Duration", "AuthorizerFunction"),
        ("IteratorAge", "AuditFunction"),
    ] {
        expected.push(("AWS/Lambda", metric, function.to_owned()));
    }
    for function in routed().into_iter().chain(["authorizer"]) {
        expected.push(("AWS/Lambda", "Throttles", spec::function_resource(function)));
    }
    for (name, _) in template.all("AWS::Lambda::EventSourceMapping") {
        let given_up = "OnFailureDestinationDeliveredEventCount";
        expected.push(("AWS/Lambda", given_up, name.to_owned()));
    }
    for (table, _) in template.all("AWS::DynamoDB::Table") {
        // Its ceiling is there to be met.
        if table != "DenialsTable" {
            for metric in ["ReadThrottleEvents", "WriteThrottleEvents"] {
                expected.push(("AWS/DynamoDB", metric, table.to_owned()));
            }
        }
    }
    for (namespace, metric, of) in expected {
        let wanted = (namespace.to_owned(), metric.to_owned(), of);
        assert!(watched.contains(&wanted), "nobody hears of {wanted:?}");
    }
    for name in ["ApiLatencyAlarm", "AuthorizerLatencyAlarm"] {
        assert_eq!(template.properties(name)["ExtendedStatistic"], "p99");
    }
    let burst = template.properties("RefusalBurstAlarm");
    assert_eq!(named(&burst["Threshold"]), "RefusalBurst");
    // What the streams' mappings don't count, no alarm can hear of.
    for (name, mapping) in template.all("AWS::Lambda::EventSourceMapping") {
        assert_eq!(
            mapping["MetricsConfig"]["Metrics"],
            json!(["EventCount"]),
            "{name}"
        );
    }
    // The lines that are counted are written.
    for (filter, line, source) in [
        (
            "QuarantinedRecords",
            "unreadable stream record",
            "functions/audit/src/quarantine.rs",
        ),
        ("Refusals", "refused", "functions/authorizer/src/refuse.rs"),
        ("Refusals", "refused", "functions/authorizer/src/lib.rs"),
    ] {
        let pattern = template.properties(filter)["FilterPattern"].as_str();
        let expected = format!("{{ $.message = \"{line}\" }}");
        assert_eq!(pattern, Some(expected.as_str()));
        assert!(read(source).contains(&format!("\"{line}\"")), "{source}");
    }
}

/// Whoever is woken finds what to look at.
#[test]
fn every_alarm_stands_in_the_readme() {
    let readme = read("README.md");
    let (_, section) = readme
        .split_once("\n### When an alarm wakes somebody\n")
        .expect("a section");
    let section = section.split("\n### ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let named: Vec<_> = rows
        .filter_map(|row| row.split(" |").next())
        .flat_map(|names| names.split(", "))
        .map(|name| name.trim_matches('`'))
        .collect();
    for (alarm, _) in Template::read().all("AWS::CloudWatch::Alarm") {
        let is = |name: &&str| match name.strip_suffix('…') {
            Some(beginning) => alarm.starts_with(beginning),
            None => alarm.strip_suffix("Alarm") == Some(name),
        };
        assert!(named.iter().any(is), "{alarm} is not among {named:?}");
    }
}

#[test]
fn the_monitor_shows_what_there_is() {
    let template = Template::read();
    let [body, own] = &*listed(&template.properties("Monitor")["DashboardBody"]["Fn::Sub"]) else {
        panic!("a text, and its own variables");
    };
    let body = body.as_str().expect("a text");
    for name in substituted(body) {
        let is_ours = template.0["Resources"][name].is_object() || own[name].is_object();
        assert!(is_ours || name.starts_with("AWS::"), "{name}");
    }
    let body: Value = serde_json::from_str(body).expect("JSON");
    let widgets = body["widgets"].as_array().expect("a list");
    let shown = widgets
        .iter()
        .flat_map(|widget| listed(&widget["properties"]["metrics"]));
    let shown: BTreeSet<_> = shown
        .filter(|metric| metric[0] == "InstaView/${AWS::StackName}")
        .map(|metric| metric[1].as_str().expect("a name"))
        .collect();
    let counted: BTreeSet<_> = template
        .all("AWS::Logs::MetricFilter")
        .into_iter()
        .map(|(_, filter)| {
            let metric = &filter["MetricTransformations"][0]["MetricName"];
            metric.as_str().expect("a name")
        })
        .collect();
    assert_eq!(shown, counted);
    let areas = widgets.iter().map(|widget| (&widget["x"], &widget["y"]));
    let areas: Vec<_> = areas.map(|(x, y)| format!("{x} {y}")).collect();
    assert_eq!(areas.iter().collect::<BTreeSet<_>>().len(), areas.len());
}

#[test]
fn every_log_group_is_one_functions_or_the_gateways() {
    let template = Template::read();
    let groups: BTreeSet<_> = template
        .all("AWS::Logs::LogGroup")
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let of_functions = template.all("AWS::Serverless::Function");
    let functions = of_functions.len();
    let mut used: BTreeSet<_> = of_functions
        .into_iter()
        .map(|(name, function)| {
            let logging = &function["LoggingConfig"];
            assert_eq!(logging["LogFormat"], "JSON", "{name}");
            // Our own level decides of our lines, and every request would cost two of Lambda's.
            assert_eq!(logging["ApplicationLogLevel"], "TRACE", "{name}");
            assert_eq!(logging["SystemLogLevel"], "WARN", "{name}");
            named(&logging["LogGroup"])
        })
        .collect();
    assert_eq!(used.len(), functions, "each has its own");
    let access = &template.properties("Api")["AccessLogSetting"]["DestinationArn"];
    used.insert(named(access));
    assert_eq!(groups, used);
}

#[test]
fn outputs_say_where_everything_is() {
    let template = Template::read();
    let outputs = template.0["Outputs"].as_object().expect("a map");
    for url in [
        "ApiUrl",
        "SignInUrl",
        "SignUpUrl",
        "Issuer",
        "MonitorUrl",
        "InterviewEventsFailuresUrl",
    ] {
        assert!(outputs.contains_key(url), "{url}");
    }
    // What `operate` reads before it has been told which secret is meant, and each of these.
    let environment = outputs["OperateEnvironment"]["Value"]["Fn::Sub"][0].as_str();
    let pairs: BTreeMap<_, _> = environment
        .expect("a text")
        .split(' ')
        .map(|pair| pair.split_once('=').expect("NAME=value"))
        .collect();
    let tables = template.0["Globals"]["Function"]["Environment"]["Variables"].as_object();
    let tables = tables.expect("a map").keys().map(String::as_str);
    let wanted: BTreeSet<_> = tables
        .filter(|name| name.ends_with("_TABLE"))
        .chain([
            "AWS_REGION",
            "KEYS_SECRET",
            "CURSOR_SECRET",
            "SESSION_SECRET",
        ])
        .collect();
    assert_eq!(pairs.keys().copied().collect::<BTreeSet<_>>(), wanted);
    let main = read("infra/operate/src/main.rs");
    for name in wanted {
        assert!(!name.ends_with("_SECRET") || main.contains(&format!("\"{name}\"")));
    }
    for (name, output) in outputs {
        let text = output["Value"].to_string();
        for secret in ["GenerateSecretString", "resolve:secretsmanager"] {
            assert!(!text.contains(secret), "{name}");
        }
    }
}

/// AWS takes 500 resources, and 1 MB of template by way of S3; a function is 3 resources here, and a few lines of the gateway's.
#[test]
fn there_is_room_left() {
    let template = Template::read();
    let resources = template.0["Resources"].as_object().expect("a map").len();
    assert!(resources < 300, "{resources} resources");
    let bytes = read("template.yaml").len() + read("infra/gateway.json").len();
    assert!(bytes < 600_000, "{bytes} bytes");
    for part in ["Parameters", "Outputs"] {
        let count = template.0[part].as_object().expect("a map").len();
        assert!(count < 100, "{count} {part}");
    }
}
