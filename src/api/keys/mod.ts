import { z } from "@hono/zod-openapi";
import { invalid } from "../../domain/errors.ts";
import type { Rotation, SigningKey } from "../../domain/identity/mod.ts";
import { jsonOperation, type Operation, type Uses } from "../operation.ts";
import { durationIn, timestamp } from "../primitives.ts";

const MS_PER_SECOND = 1000;
/** Longer than nodes and verifiers keep the key set: its `max-age` is a minute, and `jose` keeps one for 10 minutes. */
const SIGNS_AFTER_MS = 15 * 60 * MS_PER_SECOND;
const SIGNS_AFTER_MAX_MS = 7 * 24 * 60 * 60 * MS_PER_SECOND;

const signingKey = z.object({
  id: z.string().openapi({ description: "The kid of its access tokens" }),
  createdAt: timestamp,
  signsFrom: timestamp.optional().openapi({
    description: "When it begins to sign; absent if it signed from the start",
  }),
  verifiesUntil: timestamp.optional().openapi({
    description: "When the last of its access tokens has expired; absent without a newer key",
  }),
}).openapi("invoked.SigningKey");

const rotateSigningKey = jsonOperation({
  operationId: "invoked.KeyService.RotateSigning",
  route: "POST /api/v1/signing_keys/rotate",
  summary: "Make a new key for access tokens; access tokens of the earlier keys stay valid",
  permission: "identity:write",
  ofClient: true,
  destroys: true,
  body: z.object({
    signsAfter: durationIn.optional().openapi({
      type: "string",
      format: "duration",
      description: "When the new key begins to sign: default 900s, at most 604800s",
    }),
    revokeOld: z.boolean().optional().openapi({
      description: "Delete the earlier keys: every access token becomes invalid at once",
    }),
  }).openapi("invoked.RotateSigningRequest"),
  response: z.object({
    list: z.array(signingKey).openapi({ description: "All signing keys, newest first" }),
  }).openapi("invoked.RotateSigningResponse"),
  async handle({ body }, { signingKeys }: Uses<"signingKeys">) {
    return { list: (await signingKeys.rotate(rotationOf(body))).map(keyJson) };
  },
});

/** @throws INVALID_FIELD */
function rotationOf(
  { signsAfter, revokeOld = false }: {
    signsAfter?: number | undefined;
    revokeOld?: boolean | undefined;
  },
): Rotation {
  if (revokeOld) {
    if (signsAfter === undefined || signsAfter === 0) return { kind: "revoke" };
    const description = "must be absent with revokeOld: the new key then signs at once";
    throw invalid({ field: "signsAfter", description });
  }
  const signsAfterMs = signsAfter ?? SIGNS_AFTER_MS;
  if (signsAfterMs <= SIGNS_AFTER_MAX_MS) return { kind: "overlap", signsAfterMs };
  const description = `must be at most ${SIGNS_AFTER_MAX_MS / MS_PER_SECOND}s; it is ${
    signsAfterMs / MS_PER_SECOND
  }s`;
  throw invalid({ field: "signsAfter", description });
}

function keyJson({ id, createdAt, signsFromMs, verifiesUntilMs }: SigningKey) {
  return {
    id,
    createdAt,
    ...Number.isFinite(signsFromMs) ? { signsFrom: isoOf(signsFromMs) } : {},
    ...Number.isFinite(verifiesUntilMs) ? { verifiesUntil: isoOf(verifiesUntilMs) } : {},
  };
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** Rotate the keys that sign access tokens. */
export const KEY_OPERATIONS: readonly Operation[] = [rotateSigningKey];
