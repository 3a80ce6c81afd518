/** Requests by an adapter without a network. */
import axios from "npm:axios@1.21.1";

const adapter = async (config) => ({
  data: '{"name":"Ada"}',
  status: 200,
  statusText: "OK",
  headers: {},
  config,
});

export default async () => (await axios.get("http://localhost/user", { adapter })).data;
