/** Sends a form with a file through node:https. */
import FormData from "npm:form-data@4.0.6";
import { request } from "node:https";

export default async function main({ https }: { https: string }) {
  const form = new FormData();
  form.append("field", "value");
  form.append("file", Buffer.from("content"), { filename: "a.txt", contentType: "text/plain" });
  const text = await new Promise<string>((resolve, reject) => {
    const outgoing = request(
      `${https}/echo`,
      { method: "POST", headers: form.getHeaders() },
      (answer) => {
        let text = "";
        answer.on("data", (chunk) => text += chunk).on("end", () => resolve(text));
      },
    );
    form.pipe(outgoing.on("error", reject));
  });
  const { body } = JSON.parse(text);
  return {
    field: body.includes('name="field"\r\n\r\nvalue\r\n'),
    file: body.includes('filename="a.txt"\r\nContent-Type: text/plain\r\n\r\ncontent\r\n'),
  };
}
