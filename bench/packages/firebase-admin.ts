/** Makes an app at the top of the module, and rejects a token. */
import { initializeApp } from "npm:firebase-admin@14.5.1/app";
import { getAuth } from "npm:firebase-admin@14.5.1/auth";

const app = initializeApp({ projectId: "example" });

export default async () => {
  const { code } = await getAuth(app).verifyIdToken("wrong").catch((error) => error);
  return { code };
};
