/** Writes a PDF with a font that the package carries as a file. */
import PDFDocument from "npm:pdfkit@0.17.2";

export default async () => {
  const document = new PDFDocument();
  const parts: Uint8Array[] = [];
  document.on("data", (part: Uint8Array) => parts.push(part));
  const ended = new Promise((resolve) => document.on("end", resolve));
  document.font("Times-Roman").text("Hello");
  document.end();
  await ended;
  return { isPdf: Buffer.concat(parts).toString("latin1").startsWith("%PDF-") };
};
