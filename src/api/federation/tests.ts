import { isIP } from "node:net";
import { z } from "@hono/zod-openapi";
import { quoted } from "../../config/mod.ts";
import { invalid } from "../../domain/errors.ts";
import { ClaimsError, parseClaims, STEPS, testCondition } from "../../domain/identity/mod.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { textIn } from "../primitives.ts";
import { trustSlashes } from "./schemas.ts";

const SERVICE = "c1.api.workload_federation.v1.WorkloadFederationService";
/** As long as the form of a token request may be. */
const TOKEN_CHARS_MAX = 16 * 1024;

type Testing = Uses<"federationTests" | "federationTrusts">;

const stepResult = z.object({
  stepName: z.string(),
  passed: z.boolean(),
  skipped: z.boolean().openapi({ description: "A step before it failed" }),
  expected: z.string(),
  actual: z.string(),
  detail: z.string(),
}).openapi("c1.api.workload_federation.v1.TestTokenStepResult");

const stepsOut = Object.fromEntries(STEPS.map((name) => [name, stepResult])) as Record<
  typeof STEPS[number],
  typeof stepResult
>;

const testToken = jsonOperation({
  operationId: `${SERVICE}.TestToken`,
  route: "POST /api/v1/service_principals/{service_principal_id}/trusts/{client_id}/test",
  slashes: trustSlashes,
  summary: "Check a token as an exchange with the trust would, step by step, and issue none",
  permission: "identity:read",
  ofClient: true,
  body: z.object({
    subjectToken: z.string().min(1).max(TOKEN_CHARS_MAX),
    sourceIp: z.string().default("").refine((text) => text === "" || isIP(text) !== 0, {
      error: ({ input }) => `${quoted(input)} is not an IP address`,
    }).openapi({ type: "string", description: "Where the workload would send the token from" }),
  }).openapi("c1.api.workload_federation.v1.WorkloadFederationServiceTestTokenRequest"),
  response: z.object({
    ...stepsOut,
    decodedClaimsJson: z.string().openapi({ description: "Verified only if the signature is" }),
    overallResult: z.boolean(),
  }),
  async handle({ params, body, principal }, { federationTests, federationTrusts }: Testing) {
    federationTests.count(principal);
    const { service_principal_id: principalId, client_id: clientId } = params;
    const { steps, claims, rejection } = await federationTrusts.test(principalId, clientId, body);
    const results = STEPS.map((stepName) => [stepName, { stepName, ...steps[stepName] }]);
    return {
      ...Object.fromEntries(results) as Record<typeof STEPS[number], z.input<typeof stepResult>>,
      decodedClaimsJson: claims === undefined ? "" : JSON.stringify(claims),
      overallResult: rejection === undefined,
    };
  },
});

const testCel = jsonOperation({
  operationId: `${SERVICE}.TestCEL`,
  route: "POST /api/v1/workload_federation/test-cel",
  summary: "Evaluate a condition for claims",
  permission: "identity:read",
  ofClient: true,
  body: z.object({ expression: textIn, claimsJson: z.string() })
    .openapi("c1.api.workload_federation.v1.WorkloadFederationServiceTestCELRequest"),
  response: z.object({ expression: z.string(), matched: z.boolean(), error: z.string() }),
  async handle(
    { body: { expression, claimsJson }, principal },
    { federationTests }: Uses<"federationTests">,
  ) {
    federationTests.count(principal);
    return { expression, ...await testCondition(expression, claimsOf(claimsJson)) };
  },
});

/** @throws INVALID_FIELD */
function claimsOf(json: string): Readonly<Record<string, unknown>> {
  try {
    return parseClaims(json);
  } catch (error) {
    if (!(error instanceof ClaimsError)) throw error;
    throw invalid({ field: "claimsJson", description: error.message });
  }
}

/** Tests of trusts and conditions. */
export const FEDERATION_TEST_OPERATIONS = [testToken, testCel];
