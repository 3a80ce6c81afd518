import { z } from "@hono/zod-openapi";
import type { PackageError, PackageTypes } from "../../domain/commits/package_types.ts";
import { quoted } from "../../config/mod.ts";
import { ALL_FUNCTIONS } from "../../domain/references.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { bytesOut, encodeBase64 } from "../primitives.ts";

const typesOut = z.object({
  files: z.record(z.string(), bytesOut).openapi({
    description: "Declarations and manifests by path, such as `node_modules/zod/index.d.ts`",
  }),
  truncated: z.boolean().optional().openapi({
    description: "True if the server omitted files beyond 16 MiB",
  }),
  missing: z.array(z.string()).optional().openapi({
    description: "Packages whose files the server no longer has",
  }),
  faults: z.array(z.object({ name: z.string(), message: z.string() })).optional().openapi({
    description: "Packages of the request that do not resolve, with the reason",
  }),
}).openapi("invoked.Types");

export const getTypes = jsonOperation({
  operationId: "invoked.CommitService.GetTypes",
  route: "GET /api/v1/functions/{function_id}/commits/{commit_id}/types",
  slashes: { commit_id: "commit-reference" },
  summary: "Get the type declarations of a commit's packages and of the SDK, for an editor",
  permission: "functions:read",
  response: typesOut,
  async handle({ params }, { commitTypes }: Uses<"commitTypes">) {
    return typesJson(await commitTypes.of(params.function_id, params.commit_id));
  },
});

export const getSdkTypes = jsonOperation({
  operationId: "invoked.CommitService.GetSdkTypes",
  route: "GET /api/v1/functions/types",
  summary: "Get the type declarations of the SDK, for an editor",
  permission: "functions:read",
  concerns: () => ALL_FUNCTIONS,
  response: typesOut,
  async handle(_, { commitTypes }: Uses<"commitTypes">) {
    return typesJson(await commitTypes.sdk());
  },
});

/** Packages of one request. */
const PACKAGES_MAX = 100;

const PACKAGE = /^(?:@[\w.~-]+\/)?[\w~-][\w.~-]*(?:@[\w.~^*+<>=|-]{1,100})?$/;

const packageIn = z.string().max(400).regex(PACKAGE, {
  error: ({ input }) =>
    `must be the name of an npm package with a version or range, such as zod@^4.1.0; it is ${
      quoted(String(input))
    }`,
});

export const resolveTypes = jsonOperation({
  operationId: "invoked.CommitService.ResolveTypes",
  route: "POST /api/v1/functions/types",
  summary: "Get the type declarations of the SDK and of npm packages that no commit uses yet",
  permission: "functions:write",
  concerns: () => ALL_FUNCTIONS,
  // It changes no resource: it fills a cache.
  audit: "none",
  body: z.object({
    packages: z.array(packageIn).min(1).max(PACKAGES_MAX).openapi({
      description: "Names with versions or ranges, such as `zod@^4.1.0`. The server downloads " +
        "them within the limits of a build, for one request at a time",
    }),
    lock: z.string().optional().openapi({
      description: "Text of a `deno.lock` whose versions are kept",
    }),
  }).openapi("invoked.ResolveTypesRequest"),
  response: typesOut,
  async handle({ body, signal }, { commitTypes }: Uses<"commitTypes">) {
    const types = await commitTypes.resolve(body.packages, body.lock, signal());
    return typesJson(types, types.errors);
  },
});

function typesJson(
  { files, isTruncated, missing }: PackageTypes,
  faults: readonly PackageError[] = [],
): z.input<typeof typesOut> {
  return {
    files: Object.fromEntries([...files].map(([path, text]) => [path, encodeBase64(text)])),
    ...isTruncated ? { truncated: true } : {},
    ...missing.length === 0 ? {} : { missing: [...missing] },
    ...faults.length === 0 ? {} : { faults: [...faults] },
  };
}
