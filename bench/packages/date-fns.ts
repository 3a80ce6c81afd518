/** Adds days to a date, and formats it. */
import { addDays, format } from "npm:date-fns@4.4.0";

export default () => ({ end: format(addDays(new Date(2024, 1, 27), 3), "yyyy-MM-dd") });
