import { z } from "@hono/zod-openapi";
import type { PackageTypes } from "../../domain/commits/package_types.ts";
import { jsonOperation } from "../operation.ts";
import { bytesOut, encodeBase64 } from "../primitives.ts";
import { commitParams } from "./schemas.ts";

const typesOut = z.object({
  files: z.record(z.string(), bytesOut).openapi({
    description: "Declarations and manifests by path, such as `node_modules/zod/index.d.ts`",
  }),
  truncated: z.boolean().optional().openapi({ description: "Files are left out, beyond 16 MiB" }),
  missing: z.array(z.string()).optional().openapi({
    description: "Packages whose files the server does not have any more",
  }),
}).openapi("invoked.Types");

export const getTypes = jsonOperation({
  operationId: "invoked.CommitService.GetTypes",
  method: "get",
  path: "/api/v1/functions/{function_id}/commits/{commit_id}/types",
  slashes: { commit_id: "commit-reference" },
  summary: "Get the declarations of a commit's packages, and of the SDK, for an editor",
  permission: "read",
  params: commitParams,
  response: typesOut,
  async handle({ params }, { commitTypes }) {
    return typesJson(await commitTypes.of(params.function_id, params.commit_id));
  },
});

export const getSdkTypes = jsonOperation({
  operationId: "invoked.CommitService.GetSdkTypes",
  method: "get",
  path: "/api/v1/functions/types",
  summary: "Get the declarations of the SDK, for an editor",
  permission: "read",
  response: typesOut,
  async handle(_, { commitTypes }) {
    return typesJson(await commitTypes.sdk());
  },
});

function typesJson({ files, isTruncated, missing }: PackageTypes): z.input<typeof typesOut> {
  return {
    files: Object.fromEntries([...files].map(([path, text]) => [path, encodeBase64(text)])),
    ...isTruncated ? { truncated: true } : {},
    ...missing.length === 0 ? {} : { missing: [...missing] },
  };
}
