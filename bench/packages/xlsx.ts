/** Makes a sheet, and shows it as CSV. */
import * as XLSX from "npm:xlsx@0.18.5";

export default () => ({ csv: XLSX.utils.sheet_to_csv(XLSX.utils.aoa_to_sheet([["Ada", 36]])) });
