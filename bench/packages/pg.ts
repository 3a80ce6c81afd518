/** Makes a pool at the top of the module, and quotes a name. */
import pg from "npm:pg@8.23.1";

const pool = new pg.Pool({ host: "localhost" });

export default () => ({ quoted: pg.escapeIdentifier("people"), clients: pool.totalCount });
