#!/usr/bin/env node
import '../bundle/current.js'
import '../bundle/main.js'
