fluent-bit -v -e ./out_prom_exporter.so -i cpu -o promexporter
