import { layer } from "../../src/testing/MemoryPorts.ts"
import { folderMembersConformance } from "../../src/testing/FolderMembersConformance.ts"

folderMembersConformance("memory", layer)
