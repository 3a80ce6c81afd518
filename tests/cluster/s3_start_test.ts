/** Which S3 an API node rejects when it starts, and why. */
import assert from "node:assert/strict";
import { freePort } from "../../deploy/local_cluster/network.ts";
import { Secret } from "../../src/config/mod.ts";
import { openS3Node } from "../support/blob_stores.ts";
import { reject, S3Front } from "../support/s3_front.ts";
import { S3_KEYS, sharedS3 } from "../support/s3.ts";

Deno.test("a node does not start on an S3 that it cannot use, and says why", async (t) => {
  const s3 = await sharedS3();
  const address = s3.address();
  const cases: Record<string, readonly [Parameters<typeof openS3Node>, RegExp]> = {
    "without keys": [[address, { keys: undefined }], /AWS_ACCESS_KEY_ID and .* not both set/],
    "a wrong secret": [
      [address, { keys: { ...S3_KEYS, secretAccessKey: new Secret("wrong") } }],
      /rejects the credentials \(SignatureDoesNotMatch\); correct AWS_ACCESS_KEY_ID/,
    ],
    "no such bucket": [[{ ...address, bucket: "absent" }], /bucket absent does not exist/],
    "another region": [
      [{ ...address, region: "eu-west-9" }],
      /not in region eu-west-9, but in test-region; correct region= in the URL/,
    ],
    "nobody listens": [
      [{ ...address, endpoint: `http://127.0.0.1:${freePort()}` }],
      /does not answer: .*Connect/,
    ],
  };
  for (const [name, [parts, message]] of Object.entries(cases)) {
    await t.step(name, async () => {
      await assert.rejects(openS3Node(...parts), (error) => {
        assert.ok(error instanceof Error && error.name === "ObjectStoreUnusable");
        assert.match(error.message, /^Object store s3:\/\/\S+ is not usable: /);
        assert.match(error.message, message);
        assert.ok(!error.message.includes(S3_KEYS.secretAccessKey.reveal()));
        return true;
      });
    });
  }
  const denied: Record<string, (method: string, url: string) => boolean> = {
    "PutObject": (method) => method === "PUT",
    "GetObject": (method, url) => method === "GET" && url.includes("/probe/"),
    "DeleteObject": (method) => method === "DELETE",
    "ListBucketMultipartUploads": (_, url) => url.includes("uploads="),
  };
  for (const [permission, isDenied] of Object.entries(denied)) {
    await t.step(`a key without s3:${permission}`, async () => {
      await using front = await S3Front.before(s3.port);
      front.answer = (answer, method) =>
        isDenied(method, answer.req.url ?? "") && reject(answer, 403, "AccessDenied");
      await assert.rejects(
        openS3Node(s3.address(front.port)),
        new RegExp(`lack a permission; allow s3:ListBucket .*s3:${permission}\\b`),
      );
    });
  }
  await t.step("a redirect to the region of the bucket is not followed", async () => {
    await using front = await S3Front.before(s3.port);
    front.answer = (answer) => {
      answer.writeHead(301, { location: s3.endpoint, "x-amz-bucket-region": "eu-1" }).end();
      return true;
    };
    await assert.rejects(openS3Node(s3.address(front.port)), /but in eu-1; correct region=/);
  });
  await t.step("the content of another installation", async () => {
    await using _first = await openS3Node(address);
    await using _second = await openS3Node(address);
    const root = new Uint8Array(32).fill(8);
    await assert.rejects(openS3Node(address, { root }), /content of another installation; use/);
  });
});
