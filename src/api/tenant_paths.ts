/**
 * Paths of C1's API that need a tenant's data, such as its people and apps. From the OpenAPI document of
 * `ConductorOne/terraform-provider-conductorone` (2026-08-20): the resources, without what this server has.
 */

const RESOURCES = `
  a2ui access_review access_review_template access_reviews accessconflict app_users
  appentitlementmonitorbinding apps attribute attributes auth-configs automation_executions automations
  catalogs connector-authoring connectorcatalog conversations credential-inventory-policies decoys
  directories findings grants hooks llm-gateway local-directory-configs mcp_server_catalog
  mcp_server_connections mcp_servers mcp_toolsets policies recovery-policies reporting
  request_schema_entitlement_binding request_schemas role-mining secrets secrets-admin
  session-policies settings sign-in-policies ssf-receiver-streams sso step-up systemlog task tasks
  terraform-export users vaults webhooks workload_federation xaa`;

const OF_IAM = "personal_devices tunnel";

const OF_SEARCH = `
  all_automation_executions app_resource_types app_resources app_users apps attributes
  automation_executions automation_versions automations credential-inventory-policies entitlements
  finding_audits grants graph hooks iam local-directory-invitations past-grants policies
  recovery-policies request_catalog role-mining secrets secrets-admin session-policies sign-in-policies
  ssf-receiver-events sso step-up systemlog tasks user-ownership users webhooks
  workload_federation_trusts xaa`;

/** The beginnings of the paths, without a slash at the end. */
const PREFIXES: ReadonlySet<string> = new Set([
  ...prefixes("/api/v1", RESOURCES),
  ...prefixes("/api/v1/iam", OF_IAM),
  ...prefixes("/api/v1/search", OF_SEARCH),
  ...prefixes("/api/v2", "apps users"),
]);

function prefixes(base: string, names: string): string[] {
  return names.trim().split(/\s+/).map((name) => `${base}/${name}`);
}

/** Whether a path that this server does not have is one of C1's that only a tenant has. */
export function needsTenant(path: string): boolean {
  const segments = path.split("/");
  return PREFIXES.has(segments.slice(0, 4).join("/")) ||
    PREFIXES.has(segments.slice(0, 5).join("/"));
}
