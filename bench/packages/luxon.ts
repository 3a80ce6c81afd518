/** Shows a moment in another time zone. */
import { DateTime } from "npm:luxon@3.7.2";

export default () => ({
  local: DateTime.fromISO("2024-03-31T12:00:00Z").setZone("Asia/Tokyo").toFormat(
    "yyyy-MM-dd HH:mm",
  ),
});
