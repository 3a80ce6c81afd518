/**
 * The API: a folder for each resource, with the contracts, permissions and handlers of its operations. HTTP (`src/http`)
 * and host calls (`host_calls.ts`) are its two transports.
 */
import { ALERT_OPERATIONS } from "./alerts/mod.ts";
import { AUDIT_OPERATIONS } from "./audit/events.ts";
import { EXPORT_OPERATIONS } from "./audit/exports.ts";
import { AUTH_OPERATIONS } from "./auth/mod.ts";
import { CLIENT_OPERATIONS } from "./clients/mod.ts";
import { COMMIT_OPERATIONS } from "./commits/mod.ts";
import { DISCOVERY_OPERATIONS } from "./discovery/mod.ts";
import { DEAD_LETTER_OPERATIONS } from "./dead_letters/mod.ts";
import { PROVIDER_OPERATIONS } from "./federation/providers.ts";
import { FEDERATION_TEST_OPERATIONS } from "./federation/tests.ts";
import { TRUST_OPERATIONS } from "./federation/trusts.ts";
import { DEVICE_OPERATIONS } from "./device/mod.ts";
import { FUNCTION_OPERATIONS } from "./functions/mod.ts";
import { INVOCATION_OPERATIONS } from "./invocations/mod.ts";
import { KEY_OPERATIONS } from "./keys/mod.ts";
import type { Operation } from "./operation.ts";
import { RETENTION_OPERATIONS } from "./retention/mod.ts";
import { ROLE_OPERATIONS } from "./roles/mod.ts";
import { SERVER_OPERATIONS } from "./server/mod.ts";
import { SERVICE_PRINCIPAL_OPERATIONS } from "./service_principals/mod.ts";
import { SESSION_OPERATIONS } from "./sessions/mod.ts";
import { TAG_OPERATIONS } from "./tags/mod.ts";
import { TENANT_OPERATIONS } from "./tenants/mod.ts";
import { TEST_OPERATIONS } from "./testing/mod.ts";
import { TRIGGER_OPERATIONS } from "./triggers/mod.ts";
import { USAGE_OPERATIONS } from "./usage/mod.ts";
import { USER_OPERATIONS } from "./users/mod.ts";
import { VOLUME_OPERATIONS } from "./volumes/mod.ts";

/** All operations, in the order of the OpenAPI document. */
export const OPERATIONS: readonly Operation[] = [
  ...AUTH_OPERATIONS,
  ...DISCOVERY_OPERATIONS,
  ...KEY_OPERATIONS,
  ...DEVICE_OPERATIONS,
  ...SESSION_OPERATIONS,
  ...CLIENT_OPERATIONS,
  ...SERVICE_PRINCIPAL_OPERATIONS,
  ...ROLE_OPERATIONS,
  ...PROVIDER_OPERATIONS,
  ...TRUST_OPERATIONS,
  ...FEDERATION_TEST_OPERATIONS,
  ...USER_OPERATIONS,
  ...FUNCTION_OPERATIONS,
  ...COMMIT_OPERATIONS,
  ...TAG_OPERATIONS,
  ...INVOCATION_OPERATIONS,
  ...TRIGGER_OPERATIONS,
  ...DEAD_LETTER_OPERATIONS,
  ...TEST_OPERATIONS,
  ...VOLUME_OPERATIONS,
  ...TENANT_OPERATIONS,
  ...USAGE_OPERATIONS,
  ...RETENTION_OPERATIONS,
  ...AUDIT_OPERATIONS,
  ...EXPORT_OPERATIONS,
  ...ALERT_OPERATIONS,
  ...SERVER_OPERATIONS,
];
