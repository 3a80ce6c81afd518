/** Puts, gets and lists objects, with signed requests, and reads an error. */
import {
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "npm:@aws-sdk/client-s3@3.1175.0";

export default async function main({ https }: { https: string }) {
  const s3 = new S3Client({
    region: "eu-central-1",
    endpoint: `${https}/s3`,
    forcePathStyle: true,
    credentials: { accessKeyId: "AKIA", secretAccessKey: "secret" },
  });
  const object = { Bucket: "reports", Key: "2024/a b.txt" };
  const { ETag } = await s3.send(new PutObjectCommand({ ...object, Body: "the report" }));
  const { Body } = await s3.send(new GetObjectCommand(object));
  const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket: "reports" }));
  const missing = await s3.send(new GetObjectCommand({ ...object, Key: "none" }))
    .catch((error) => error.name);
  return {
    etag: ETag,
    body: await Body?.transformToString(),
    keys: Contents?.map(({ Key, Size }) => `${Key} ${Size}`),
    missing,
  };
}
