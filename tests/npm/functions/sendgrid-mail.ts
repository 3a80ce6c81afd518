/** Sends a message with an attachment. */
import sendgrid from "npm:@sendgrid/mail@8.1.6";

export default async function main({ https }: { https: string }) {
  sendgrid.setApiKey("SG.key");
  sendgrid.client.setDefaultRequest("baseUrl", `${https}/sendgrid`);
  const [{ statusCode }] = await sendgrid.send({
    to: "ada@example.com",
    from: "robot@example.com",
    subject: "Report",
    text: "See the attachment",
    attachments: [{ content: Buffer.from("a,b").toString("base64"), filename: "report.csv" }],
  });
  const failed = await sendgrid.send({ to: "x@y.z", from: "a@b.c", subject: "reject", text: "." })
    .catch((error) => error.response.body.errors[0].message);
  return { statusCode, failed };
}
