import assert from "node:assert/strict";
import {
  ConfigError,
  differingParameters,
  formatObjectStore,
  type Given,
  resolveConfig,
  s3AddressIn,
} from "../../src/config/mod.ts";

Deno.test("an object store is that of NATS or a bucket of S3, whose key is in AWS_* variables", () => {
  const nats = "nats://127.0.0.1:4222";
  const keys = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "hidden" };
  const assertInvalid = (flags: Given, ...parts: readonly string[]) =>
    assert.throws(() => resolveConfig(flags, keys), (error) => {
      assert.ok(error instanceof ConfigError);
      for (const part of parts) assert.ok(error.message.includes(part), error.message);
      return true;
    });
  const storeOf = (objects: string) => resolveConfig({ nats, objects }, keys).config.nats.objects;
  assert.deepEqual(resolveConfig({}, {}).config.nats.objects, { kind: "jetstream" });
  assert.deepEqual(storeOf("s3://bucket?region=eu-central-1"), {
    ...{ kind: "s3", bucket: "bucket", prefix: "" },
    ...{ endpoint: undefined, region: "eu-central-1" },
  });
  const text = "s3://my.bucket/a/b?endpoint=https://s3.example:9000&region=us-east-1";
  assert.deepEqual(storeOf("s3://my.bucket/a/b/?endpoint=https://s3.example:9000/"), storeOf(text));
  assert.equal(formatObjectStore(storeOf(text)), text);
  const invalid: Readonly<Record<string, string>> = {
    "s3": "neither jetstream nor a URL",
    "s3://": 'bucket "" is not',
    "s3://B_?region=a": 'bucket "B_" is not',
    "s3://bucket": "has no region",
    "s3://bucket?region=A": 'region "A" is not',
    "s3://bucket/../x?region=a": 'prefix "../x" is not',
    "s3://bucket/a//b?region=a": 'prefix "a//b" is not',
    "s3://bucket/%20?region=a": 'prefix "%20" is not',
    "s3://bucket?region=a&region=b": "parameter region twice",
    "s3://bucket?region=a&key=b": 'parameter "key" is not one of endpoint, region',
    "s3://bucket?endpoint=s3.example": 'endpoint "s3.example" is not an http or https URL',
    "s3://bucket?endpoint=https://user@s3.example": "without user, path and query",
    "s3://id:secret@bucket?region=a": "is not 3 to 63 lower-case letters",
  };
  for (const [objects, part] of Object.entries(invalid)) {
    assertInvalid({ nats, objects }, "Invalid --objects: ", part);
  }
  assert.deepEqual(s3AddressIn(text), storeOf(text));
  assert.match(String(s3AddressIn("s3://B_?region=a")), /^its bucket "B_" is not/);
  for (const path of ["backup.tar", "/mnt/s3://bucket", "jetstream"]) {
    assert.equal(s3AddressIn(path), undefined);
  }
  const moved = "s3://my.bucket/a/b?endpoint=https://s4.example&region=us-east-1";
  assert.deepEqual(differingParameters(text, moved), ["endpoint"]);
  assert.deepEqual(differingParameters(text, "s3://my.bucket/a/b?region=x"), [
    "endpoint",
    "region",
  ]);
  assert.deepEqual(differingParameters(text, text.replace("/b", "/c")), []);
  assertInvalid({ objects: text }, "--objects", "must be jetstream without --nats");

  const { environmentS3Keys } = resolveConfig({}, keys).config.nats;
  assert.equal(environmentS3Keys?.secretAccessKey.reveal(), "hidden");
  assert.ok(!JSON.stringify(environmentS3Keys).includes("hidden"));
  assert.equal(environmentS3Keys?.sessionToken, undefined);
  const temporary = resolveConfig({}, { ...keys, AWS_SESSION_TOKEN: "token" }).config.nats;
  assert.equal(temporary.environmentS3Keys?.sessionToken?.reveal(), "token");
  for (const variable of Object.keys(keys)) {
    const { config } = resolveConfig({}, { ...keys, [variable]: "" });
    assert.equal(config.nats.environmentS3Keys, undefined);
  }
});
