import ArgumentParser
import PosternServer

func run() async { await PosternCommand.main() }

await run()
