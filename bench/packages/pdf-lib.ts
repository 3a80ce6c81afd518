/** Writes a document with a page, and reads it. */
import { PDFDocument, StandardFonts } from "npm:pdf-lib@1.17.1";

export default async () => {
  const document = await PDFDocument.create();
  const font = await document.embedFont(StandardFonts.TimesRoman);
  document.addPage().drawText("Creating PDFs in JavaScript is awesome!", { font });
  return { pages: (await PDFDocument.load(await document.save())).getPageCount() };
};
