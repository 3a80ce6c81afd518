import type { Domain } from "../domain/mod.ts";
import type { ApiRateLimit, TokenRateLimit, WebhookRateLimit } from "./rate_limit.ts";
import type { Readiness, ServerStatus } from "./server/readiness.ts";

/** An OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.0). */
export type OpenApiDocument = { readonly openapi: string };

/** What handlers work with. */
export interface Services extends Domain {
  /** Host name of the server without a port. */
  readonly hostName: string;
  /** Largest file of a commit that may be uploaded, in bytes. */
  readonly maxFileBytes: number;
  readonly readiness: Readiness;
  readonly serverStatus: ServerStatus;
  /** The OpenAPI document of all operations, made for the first reader. */
  readonly openApiDocument: () => OpenApiDocument;
  readonly apiRateLimit: ApiRateLimit;
  readonly tokenRateLimit: TokenRateLimit;
  readonly webhookRateLimit: WebhookRateLimit;
  /** Largest body of a delivery to a webhook, in bytes. */
  readonly maxWebhookBytes: number;
}
