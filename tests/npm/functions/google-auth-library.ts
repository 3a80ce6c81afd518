/** Signs an assertion of a service account, changes it for a token, and calls an API with it. */
import { JWT } from "npm:google-auth-library@10.9.1";
import { generateKeyPairSync } from "node:crypto";

export default async function main({ https }: { https: string }) {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const client = new JWT({
    email: "robot@project.example",
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    scopes: ["https://www.googleapis.com/auth/drive"],
  });
  // Google's own address of tokens cannot be set otherwise.
  client.transporter.interceptors.request.add({
    resolved: (config) => {
      const url = new URL(config.url);
      if (url.hostname.endsWith("googleapis.com")) config.url = new URL(`${https}/google/token`);
      return Promise.resolve(config);
    },
  });
  const { data } = await client.request({ url: `${https}/echo` });
  return { authorization: data.headers.authorization };
}
