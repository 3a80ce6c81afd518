/** Fetches JSON, follows a redirect and reads a stream. */
import fetch, { FormData } from "npm:node-fetch@3.3.2";

export default async function main({ https }: { https: string }) {
  const redirected = await fetch(`${https}/redirect`);
  const { url } = await redirected.json();
  let streamed = 0;
  for await (const chunk of (await fetch(`${https}/bytes/100000`)).body) streamed += chunk.length;
  const form = new FormData();
  form.set("field", "value");
  const posted = await (await fetch(`${https}/echo`, { method: "POST", body: form })).json();
  return {
    multipart: posted.body.includes('name="field"'),
    redirected: redirected.redirected,
    url,
    streamed,
  };
}
