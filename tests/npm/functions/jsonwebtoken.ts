/** Signs and verifies tokens with node:crypto: HMAC and RSA. */
import jwt from "npm:jsonwebtoken@9.0.3";
import { generateKeyPairSync } from "node:crypto";

export default function main() {
  const signed = jwt.sign({ sub: "ada", iat: 1 }, "a secret", { noTimestamp: true });
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const rsa = jwt.sign({ sub: "bob" }, privateKey, { algorithm: "RS256", expiresIn: "1m" });
  let rejected = "";
  try {
    jwt.verify(signed, "another secret");
  } catch (error) {
    rejected = error.message;
  }
  return {
    hmac: jwt.verify(signed, "a secret").sub,
    rsa: jwt.verify(rsa, publicKey, { algorithms: ["RS256"] }).sub,
    rejected,
  };
}
