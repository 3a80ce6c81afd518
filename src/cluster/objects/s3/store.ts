import { randomUUID } from "node:crypto";
import { formatObjectStore, type S3Address, type S3Keys } from "../../../config/mod.ts";
import { ObjectsUnavailable } from "../../../shared/objects.ts";
import { objectKeyId } from "../codec.ts";
import type { BucketParts, OpenedStore } from "../opened_store.ts";
import { S3Bucket } from "./bucket.ts";
import { S3Client, S3Error } from "./client.ts";

/** How often a start tries to reach S3. */
const START_ATTEMPTS = 3;
/** The name of the object of an installation, before the id of its key. */
export const INSTALLATION = "installation-";
/** The name of the object of a restore or copy, before its id. */
const COPY = "copy-";
/** The object that shows that an API node has used the store. */
const API_NODE = "api-node";

/** S3 cannot be used as it is configured. The message names the store, the cause and the next step. */
export class ObjectStoreUnusable extends Error {
  override name = "ObjectStoreUnusable";

  constructor(address: S3Address, cause: string, error?: unknown) {
    super(`Object store ${formatObjectStore(address)} is not usable: ${cause}`, { cause: error });
  }
}

/**
 * Opens the buckets, after a check that S3 accepts the credentials, has the bucket, and can be written.
 * @throws ObjectStoreUnusable
 */
export async function openS3(
  { address, keys }: { readonly address: S3Address; readonly keys: S3Keys | undefined },
  { opened, ...parts }: BucketParts,
): Promise<OpenedStore> {
  const given = await checkS3(address, keys, parts.node);
  const client = new S3Client(address, given);
  const [commits, volumes] = ["commits", "volumes"].map((kind) =>
    opened.use(new S3Bucket(client, kind, parts))
  ) as [S3Bucket, S3Bucket];
  return {
    commits,
    volumes,
    chunkOf: (digest, index, admit) => commits.chunk(digest, index, admit),
    reopen: () => Promise.resolve(),
    claim: (root) => usable(address, () => claim(client, root)),
    mark: async (user) => {
      if (user.kind === "copy") return await usable(address, () => claimCopy(client, user.id));
      await client.put(address.prefix + API_NODE, new Uint8Array());
    },
    urls: commits,
  };
}

/**
 * Checks that S3 accepts the keys, has the bucket, and can be written.
 * @returns the keys @throws ObjectStoreUnusable
 */
export async function checkS3(
  address: S3Address,
  keys: S3Keys | undefined,
  node: string = randomUUID(),
): Promise<S3Keys> {
  const given = keysFor(address, keys);
  const client = new S3Client(address, given, START_ATTEMPTS);
  await usable(address, () => client.check(node));
  return given;
}

/**
 * Checks that S3 accepts the keys, has the bucket, and lists its objects, for a reader.
 * @returns the keys @throws ObjectStoreUnusable
 */
export async function assertListed(
  address: S3Address,
  keys: S3Keys | undefined,
): Promise<S3Keys> {
  const given = keysFor(address, keys);
  const client = new S3Client(address, given, START_ATTEMPTS);
  await usable(address, () => client.pages(address.prefix).next());
  return given;
}

/**
 * Rejects a temporary key: it ends within hours, and the URLs with which workers read artifacts end with it.
 * @throws ObjectStoreUnusable
 */
export function assertLasting(address: S3Address, keys: S3Keys | undefined): void {
  if (keys?.sessionToken === undefined) return;
  throw new ObjectStoreUnusable(
    address,
    "AWS_SESSION_TOKEN is set: a temporary key ends within hours, and a server needs its key for longer; give a key " +
      "without a session token",
  );
}

/** @throws ObjectStoreUnusable without keys */
function keysFor(address: S3Address, keys: S3Keys | undefined): S3Keys {
  if (keys !== undefined) return keys;
  throw new ObjectStoreUnusable(
    address,
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set",
  );
}

/**
 * Checks that S3 can be used, and that no API node and no other copy has used the store: a copy has the same key as its
 * original, and two databases on one store would delete each other's contents.
 * @param id of the copy
 * @throws ObjectStoreUnusable
 */
export async function assertUnusedS3(
  address: S3Address,
  keys: S3Keys | undefined,
  id: string,
): Promise<void> {
  const client = new S3Client(address, await checkS3(address, keys), START_ATTEMPTS);
  const key = address.prefix + API_NODE;
  await usable(address, () => assertOnlyCopy(client, id));
  if (await usable(address, () => client.find(key)) === undefined) return;
  throw new ObjectStoreUnusable(
    address,
    `it has the content of another installation, whose API nodes have written the object ${key}; use another bucket ` +
      "or prefix, or delete the object once these nodes have stopped for good",
  );
}

/** Each copy writes its object before it looks: of two at the same time, at least one sees the other, and ends. */
async function claimCopy(client: S3Client, id: string): Promise<void> {
  const own = client.address.prefix + COPY + id;
  const isRepeated = await client.find(own) !== undefined;
  await client.put(own, new Uint8Array());
  try {
    await assertOnlyCopy(client, id);
  } catch (error) {
    if (!isRepeated) await client.delete(own).catch(() => {});
    throw error;
  }
}

/** @throws ObjectStoreUnusable if another copy has claimed the store */
async function assertOnlyCopy(client: S3Client, id: string): Promise<void> {
  const { address } = client;
  const prefix = address.prefix + COPY;
  const { objects } = await client.list(prefix);
  const other = objects.find(({ key }) => key !== prefix + id);
  if (other === undefined) return;
  throw new ObjectStoreUnusable(
    address,
    "it has the content of another restore or copy, into another database, which has written the " +
      `object ${other.key}; use another bucket or prefix, or delete the object if nothing uses that database`,
  );
}

/**
 * Claims the store for an installation. Nodes of one installation write the same object, and another installation writes
 * another one, before each of them looks: of two that claim an empty store at the same time, at least one sees the other.
 */
async function claim(client: S3Client, root: Uint8Array): Promise<void> {
  const { address } = client;
  const prefix = address.prefix + INSTALLATION;
  const own = prefix + objectKeyId(root);
  const assertOwn = async () => {
    const { objects } = await client.list(prefix);
    if (objects.every(({ key }) => key === own)) return objects.length > 0;
    throw new ObjectStoreUnusable(
      address,
      "it has the content of another installation; use another bucket or prefix",
    );
  };
  if (await assertOwn()) return;
  await client.put(own, new Uint8Array());
  try {
    await assertOwn();
  } catch (error) {
    await client.delete(own).catch(() => {});
    throw error;
  }
}

async function usable<T>(address: S3Address, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    throw asUnusable(address, error);
  }
}

/** An error of S3 as an operator needs it. */
export function asUnusable(address: S3Address, error: unknown): ObjectStoreUnusable {
  if (error instanceof ObjectStoreUnusable) return error;
  const cause = error instanceof ObjectsUnavailable ? error.cause : error;
  return new ObjectStoreUnusable(address, causeOf(address, cause), error);
}

const DENIALS = ["InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken"];
const REGION_CODES = [
  "AuthorizationHeaderMalformed",
  "PermanentRedirect",
  "IllegalLocationConstraint",
];

/** Why S3 cannot be used, and the next step, continuing "is not usable: ". */
function causeOf({ bucket, region }: S3Address, error: unknown): string {
  // An object of a wrong size.
  if (error instanceof RangeError) return error.message;
  if (!(error instanceof S3Error)) return `it does not answer: ${innermost(error)}`;
  const { code, status } = error;
  if (DENIALS.includes(code)) {
    const token = code.endsWith("Token") ? ", and AWS_SESSION_TOKEN" : "";
    return `S3 rejects the credentials (${code}); correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY${token}`;
  }
  if (REGION_CODES.includes(code) || status === 301 || status === 307) {
    const other = error.region === undefined ? "" : `, but in ${error.region}`;
    return `bucket ${bucket} is not in region ${region}${other}; correct region= in the URL`;
  }
  if (code === "NoSuchBucket") return `bucket ${bucket} does not exist; create the bucket`;
  if (code === "RequestTimeTooSkewed") {
    return "the clock of this machine is wrong by more than 15 minutes; correct the clock";
  }
  if (status === 403) {
    return "the credentials lack a permission; allow s3:ListBucket and s3:ListBucketMultipartUploads on the bucket, and " +
      "s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on its objects";
  }
  return error.message;
}

/** The reason behind an error of `fetch`, such as that nobody listens. */
function innermost(error: unknown): string {
  let last = error;
  while (last instanceof Error && last.cause instanceof Error) last = last.cause;
  return last instanceof Error ? last.message : String(last);
}
