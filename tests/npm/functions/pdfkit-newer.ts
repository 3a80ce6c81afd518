/** Writes a PDF with a font that the package carries as a module. */
import PDFDocument from "npm:pdfkit@0.20.2";

export default () => ({ text: new PDFDocument().text("Hello") instanceof PDFDocument });
