/** Fills the parameters of a query. */
import mysql from "npm:mysql2@3.24.5/promise";

export default () => ({ sql: mysql.format("SELECT * FROM people WHERE id = ?", [1]) });
