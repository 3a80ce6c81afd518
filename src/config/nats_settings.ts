import { bytes, file, integer, natsUrls } from "./kinds.ts";
import { objectStore } from "./object_store.ts";
import { type Rows, setting } from "./setting.ts";

/** Settings of many machines. */
export const NATS_SETTINGS = {
  /** Undefined for a server without workers. */
  urls: setting("nats", natsUrls(), {
    description: "URLs of NATS with JetStream, which connects API nodes and workers",
  }),
  /** Absolute path of a file with an NKey seed or a JWT and a seed. */
  credentialsFile: setting("nats-credentials", file(), {
    description: "File with the NKey seed or .creds of the NATS user of this process",
  }),
  /** Absolute path of a file with certificates in PEM. */
  caFile: setting("nats-ca", file(), {
    description: "CA certificates (PEM) to trust for NATS, in addition to public ones",
  }),
  objects: setting("objects", objectStore(), {
    default: "jetstream",
    description: "Store of blobs: jetstream, or an S3 bucket with the keys in AWS_* variables",
  }),
  /** Size of the sealed blobs that an API node keeps in its data directory. */
  objectCacheBytes: setting("object-cache", bytes({ min: "16MiB", max: "1024GiB" }), {
    default: "1GiB",
    description: "Cache of blobs of the object store in the data directory, encrypted",
  }),
  objectReplicas: setting("object-replicas", integer({ min: "1", max: "5" }), {
    default: "1",
    description: "Replicas of each blob in a NATS cluster, set at the first start",
  }),
  /** Invocations that this process runs at the same time; undefined for the default of its role. */
  capacity: setting("capacity", integer({ min: "0", max: "10000" }), {
    description: "Slots of this process with --nats; API nodes: 0, workers: by cores and memory",
  }),
} satisfies Rows;
