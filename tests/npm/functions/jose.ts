/** Signs and verifies a token with Web Crypto, and encrypts another. */
import {
  EncryptJWT,
  exportJWK,
  generateKeyPair,
  importJWK,
  jwtDecrypt,
  jwtVerify,
  SignJWT,
} from "npm:jose@6.2.18";

export default async function main() {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  const token = await new SignJWT({ role: "admin" }).setProtectedHeader({ alg: "ES256" })
    .setSubject("ada").setExpirationTime("1m").sign(privateKey);
  const { payload } = await jwtVerify(token, await importJWK(await exportJWK(publicKey), "ES256"));
  const secret = new Uint8Array(32);
  const sealed = await new EncryptJWT({ hidden: true })
    .setProtectedHeader({ alg: "dir", enc: "A256GCM" }).encrypt(secret);
  const opened = await jwtDecrypt(sealed, secret);
  return { sub: payload.sub, role: payload.role, hidden: opened.payload.hidden };
}
