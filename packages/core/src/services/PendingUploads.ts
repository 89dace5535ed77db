/**
 * Objects on their way into a root that is no directory of this machine: which of them this process is uploading, so that a crash leaves no stray object.
 *
 * The lists are intent files of `workers/PendingObjects`, kept by the instance instead of the root, since only its own instance writes into a root.
 */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import type { StorageRoot } from "../domain/StorageRoot.ts"
import { findLeftovers, type IntentFile, intentPath, openIntents, settleLeftovers } from "../workers/PendingObjects.ts"

/** What intent files need to know of the world. */
export interface UploadPorts {
  /** Which of these objects the registry knows. */
  readonly known: (objectKeys: ReadonlyArray<string>) => Promise<ReadonlySet<string>>
  readonly remove: (objectKeys: ReadonlyArray<string>) => Promise<void>
}

export interface PendingUploads {
  /** Names objects that are about to be created. */
  readonly announce: (objectKeys: ReadonlyArray<string>) => void
  /** All of them are either in the registry or gone. */
  readonly close: () => void
  /** Removes those that the registry does not know. */
  readonly abandon: () => Promise<void>
}

/** The folder that stands for a root where intent files are kept. */
export const uploadsFolder = (cacheFolder: string, root: Pick<StorageRoot, "uid">): string => join(cacheFolder, "uploads", root.uid)

/** Removes what killed processes have uploaded into a root and not registered; gives how many objects that were. */
export const removeLeftUploads = (folder: string, ports: UploadPorts): Promise<number> => settleLeftovers(findLeftovers(folder), ports.known, removal(ports))

/** Begins by removing what killed processes have left. */
export const pendingUploads = async (folder: string, ports: UploadPorts): Promise<PendingUploads> => {
  await removeLeftUploads(folder, ports)
  let intents: IntentFile | undefined
  return {
    announce: (objectKeys) => {
      if (objectKeys.length === 0) return
      if (intents === undefined) {
        mkdirSync(folder, { recursive: true })
        intents = openIntents(folder, intentPath(folder))
      }
      intents.add(objectKeys)
    },
    close: () => intents?.close(),
    abandon: async () => {
      if (intents !== undefined) await settleLeftovers([{ path: intents.path, owner: null }], ports.known, removal(ports))
    }
  }
}

const removal = ({ remove }: UploadPorts) => async (objectKeys: ReadonlyArray<string>): Promise<number> => {
  if (objectKeys.length > 0) await remove(objectKeys)
  return objectKeys.length
}
