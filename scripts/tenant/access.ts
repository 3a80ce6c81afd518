/** Which operations of C1 only read. */
import type { TenantAccess } from "../../src/tenants/contract.ts";
import { type NamedOperation, nameOf } from "./named.ts";

/** Begins the names of methods that read by POST. */
const READING = /^(?:search|list|get|introspect|validate)(?![a-z])/;

/** Methods whose verb, path and name do not say what they do, each with what C1's document says about it. */
const REVIEWED: Readonly<Record<string, TenantAccess>> = {
  // Evaluate an expression, an address or a token, and change nothing.
  "accountProvisionPolicyTest.test": "READ",
  "sessionSettings.testSourceIP": "READ",
  "workloadFederation.testCEL": "READ",
  "workloadFederation.testToken": "READ",
  // Return what they make of the request.
  "connectorCatalog.configurationSchema": "READ",
  "ssoApplication.parseSAMLServiceProviderMetadata": "READ",
  // Views of a secret are counted, and may end it.
  "paperSecret.getContent": "WRITE",
};

/** Reads by GET, by a search, or by the name of the method. */
export function accessOf(named: NamedOperation): TenantAccess {
  const { verb, path } = named.operation;
  const isRead = verb === "GET" ||
    (verb === "POST" && (/\/search(?:\/|$)/.test(path) || READING.test(named.method)));
  return REVIEWED[nameOf(named)] ?? (isRead ? "READ" : "WRITE");
}
