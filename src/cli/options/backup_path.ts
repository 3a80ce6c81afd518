import { s3AddressIn } from "../../config/mod.ts";
import { Failure } from "../terminal/failure.ts";

/**
 * Whether an argument is the URL of a bucket of S3, and no path on disk.
 * @param what did not happen, for the message @throws Failure for an invalid URL
 */
export function isS3Url(what: string, path: string): boolean {
  const address = s3AddressIn(path);
  if (typeof address !== "string") return address !== undefined;
  throw new Failure(`${what}: the URL of backups is invalid: ${address}`, {
    next: "write it as s3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION",
    exit: "usage",
  });
}
