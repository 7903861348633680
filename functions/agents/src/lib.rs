//! Agents: list, create, read, change and delete, inside the caller's company.
//!
//! Knows nothing of keys, roles or other companies: who may call is decided before a handler runs.

use api::{ApiError, App, Call, Reply, respond};
use lambda_http::{Body, Request, Response};
use model::{AgentFields, AgentId, AgentPatch};
use routes::agents::Operation;

/// Answers an event of API Gateway.
pub async fn handle(app: &App, request: Request) -> Response<Body> {
    respond(app, request, async |call: Call<'_, Operation>| {
        match call.operation() {
            Operation::ListAgents => list(&call).await,
            Operation::CreateAgent => create(call).await,
            Operation::GetAgent => get(&call).await,
            Operation::UpdateAgent => update(call).await,
            Operation::DeleteAgent => delete(call).await,
        }
    })
    .await
}

/// Also for people, who read them in the dashboard.
pub async fn list<Op: routes::Operation>(call: &Call<'_, Op>) -> Result<Reply, ApiError> {
    let input = call.input();
    let (page, ()) = call.finish_list(input, Some(())).await?;
    call.list::<AgentFields>(&page, [], None).await
}

async fn create(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let fields = input.body::<AgentFields>();
    let fields = input.finish(fields)?;
    let id = AgentId::new(call.now, call.entropy().bytes());
    call.create(id, fields).await
}

/// As [`list`].
pub async fn get<Op: routes::Operation>(call: &Call<'_, Op>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let id = input.id("agentId");
    call.get::<AgentFields>(input.finish(id)?).await
}

async fn update(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let (id, patch) = (input.id("agentId"), input.body::<AgentPatch>());
    let (id, patch) = input.finish(id.zip(patch))?;
    call.update(id, |agent: AgentFields| agent.patched(patch.clone()))
        .await
}

async fn delete(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let id = input.id("agentId");
    call.delete::<AgentFields>(input.finish(id)?).await
}
