import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.util.TreeSet;

/** Prints a line for each module of the JDK except java.base, with the packages that it exports to all. */
public class Modules {
  public static void main(String[] args) {
    TreeSet<String> lines = new TreeSet<>();
    ModuleFinder.ofSystem().findAll().forEach(module -> {
      TreeSet<String> packages = new TreeSet<>();
      for (ModuleDescriptor.Exports one : module.descriptor().exports()) {
        if (!one.isQualified()) {
          packages.add(one.source());
        }
      }
      if (!module.descriptor().name().equals("java.base") && !packages.isEmpty()) {
        lines.add(module.descriptor().name() + ": " + String.join(" ", packages));
      }
    });
    lines.forEach(System.out::println);
  }
}
