/** Writes a workbook, and reads it. */
import ExcelJS from "npm:exceljs@4.4.0";

export default async () => {
  const workbook = new ExcelJS.Workbook();
  workbook.addWorksheet("people").addRow(["Ada", 36]);
  const copy = new ExcelJS.Workbook();
  await copy.xlsx.load(await workbook.xlsx.writeBuffer());
  return { name: copy.getWorksheet("people").getCell("A1").value };
};
