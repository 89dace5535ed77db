/** Ceph's gateway on a store of one process each, as Debian packages it. It keeps its data in a directory, and needs to be root. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { randomUUID } from "node:crypto"
import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { answering, ended, findProgram, freePort, temporaryDirectory, type TestServer } from "./TestServer.ts"

const PROGRAMS = ["ceph", "ceph-authtool", "monmaptool", "ceph-mon", "ceph-osd", "radosgw", "radosgw-admin"]
const USER = "sheaftest"
const PASSWORD = "sheaftest-not-a-secret"

/** Null when it is not installed, or cannot be used by this user. */
export const startRadosgw = async (): Promise<TestServer | null> => {
  if (process.getuid?.() !== 0 || PROGRAMS.some((name) => findProgram(name) === null)) return null
  const { path, remove } = temporaryDirectory("sheaf-rgw")
  const [gateway, monitor] = [await freePort(), await freePort()]
  for (const folder of ["mon", "osd", "run"]) mkdirSync(join(path, folder))
  const cluster = randomUUID()
  const conf = join(path, "ceph.conf")
  writeFileSync(conf, configuration(path, cluster, gateway, monitor))
  const env = { ...process.env, CEPH_CONF: conf }
  const children: Array<ChildProcess> = []
  const run = (program: string, ...args: ReadonlyArray<string>): string => {
    const ran = spawnSync(program, args, { env, encoding: "utf8", timeout: 180_000 })
    if (ran.status !== 0) throw new Error(`${program} ${args.join(" ")}: ${ran.error?.message ?? ran.stderr}`)
    return ran.stdout
  }
  const start = (program: string, ...args: ReadonlyArray<string>): ChildProcess => {
    const log = openSync(join(path, "run", `${program}.out`), "w")
    const child = spawn(program, ["-c", conf, ...args, "-f"], { env, stdio: ["ignore", log, log] })
    closeSync(log)
    children.push(child)
    return child
  }
  const stop = async (): Promise<void> => {
    await Promise.all(children.toReversed().map(ended))
    remove()
  }
  try {
    run("ceph-authtool", "--create-keyring", join(path, "keyring"), "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
    run("monmaptool", "--create", "--clobber", "--fsid", cluster, "--addv", "a", `[v1:127.0.0.1:${monitor}]`, join(path, "monmap"))
    run("ceph-mon", "-c", conf, "--mkfs", "-i", "a", "--monmap", join(path, "monmap"), "--keyring", join(path, "keyring"))
    start("ceph-mon", "-i", "a")
    const store = randomUUID()
    run("ceph", "-c", conf, "--connect-timeout", "30", "osd", "new", store)
    run("ceph-osd", "-c", conf, "-i", "0", "--mkfs", "--osd-uuid", store)
    start("ceph-osd", "-i", "0")
    // What is asked for before it is up may wait for ever.
    for (let i = 0; !run("ceph", "-c", conf, "--connect-timeout", "30", "osd", "stat").includes("1 up"); i++) {
      if (i === 600) throw new Error(`the store of objects does not come up, see ${path}`)
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    run("radosgw-admin", "-c", conf, "user", "create", "--uid=sheaf", "--display-name=sheaf", `--access-key=${USER}`, `--secret=${PASSWORD}`)
    const server = start("radosgw", "-n", "client.rgw")
    await answering(`http://127.0.0.1:${gateway}/`, server, () => `see ${path}`)
  } catch (error) {
    await stop()
    throw error
  }
  return { address: { endpoint: `http://127.0.0.1:${gateway}`, accessKeyId: USER, secretAccessKey: PASSWORD }, stop }
}

/** One copy of everything, no authentication inside, few placement groups. */
const configuration = (path: string, cluster: string, gateway: number, monitor: number): string => `
[global]
fsid = ${cluster}
mon_host = v1:127.0.0.1:${monitor}
public_network = 127.0.0.0/8
ms_bind_msgr2 = false
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
mon_data_avail_warn = 1
mon_data_avail_crit = 1
run_dir = ${path}/run
admin_socket = ${path}/run/$name.asok
pid_file = ${path}/run/$name.pid
log_file = ${path}/run/$name.log
log_to_stderr = false
mon_data = ${path}/mon
osd_data = ${path}/osd
osd_objectstore = bluestore
bluestore_block_size = 10737418240
bluestore_block_create = true
osd_memory_target = 939524096
osd_class_load_list = *
osd_class_default_list = *
[client.rgw]
rgw_frontends = beast endpoint=127.0.0.1:${gateway}
rgw_data = ${path}/run
rgw_enable_ops_log = false
rgw_run_sync_thread = false
rgw_dynamic_resharding = false
`
