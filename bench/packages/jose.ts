/** Signs a token, and verifies it. */
import { jwtVerify, SignJWT } from "npm:jose@6.2.18";

const secret = new TextEncoder().encode(
  "cc7e0d44fd473002f1c42167459001140ec6389b7353f8088f4d9a95f2f596f2",
);

export default async () => {
  const token = await new SignJWT({ sub: "ada" }).setProtectedHeader({ alg: "HS256" }).sign(secret);
  return { sub: (await jwtVerify(token, secret)).payload.sub };
};
