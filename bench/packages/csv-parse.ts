/** Reads CSV with a header. */
import { parse } from "npm:csv-parse@7.0.3/sync";

export default () => ({ rows: parse("name,age\nAda,36\n", { columns: true }) });
