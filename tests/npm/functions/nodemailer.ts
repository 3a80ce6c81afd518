/** Writes a message with an attachment, as it would be sent. */
import nodemailer from "npm:nodemailer@10.6.1";

export default async function main() {
  const transport = nodemailer.createTransport({ streamTransport: true, buffer: true });
  const { message, envelope } = await transport.sendMail({
    from: "robot@example.com",
    to: "Ada <ada@example.com>",
    subject: "Grüße",
    text: "Hello",
    attachments: [{ filename: "a.txt", content: "attached" }],
  });
  const text = message.toString();
  return {
    envelope,
    subject: /^Subject: (.*)$/m.exec(text)?.[1].trim(),
    attachment: text.includes(Buffer.from("attached").toString("base64")),
  };
}
