/** Makes a transport at the top of the module, and writes a message. */
import nodemailer from "npm:nodemailer@10.6.1";

const transport = nodemailer.createTransport({ streamTransport: true, buffer: true });

export default async () => {
  const { envelope } = await transport.sendMail({
    from: "ada@example.com",
    to: "bob@example.com",
    subject: "Hello",
    text: "Hello Bob",
  });
  return { envelope };
};
